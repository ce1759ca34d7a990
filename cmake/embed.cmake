# Writes a text file as a C++ string constant. Raw literals are cut at 8 KiB: compilers limit their length.
file(READ ${IN} hex HEX)
string(LENGTH "${hex}" length)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
math(EXPR size "${length} / 2")
file(WRITE ${OUT} "#pragma once\n#include <string_view>\ninline constexpr unsigned char k${SYMBOL}Bytes[] = {${bytes}0};\ninline const std::string_view k${SYMBOL}{reinterpret_cast<const char*>(k${SYMBOL}Bytes), ${size}};\n")
