# One static library per folder of src/; what each may include is the table in ARCHITECTURE.md,
# kept by .ci/check_layers. Order here is bottom up.

# The heavy headers, compiled once and shared by the folders that use them.
add_library(forager_pch OBJECT cmake/pch.cc)
target_precompile_headers(forager_pch PUBLIC cmake/pch.h)
target_compile_definitions(forager_pch PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                           BOOST_ASIO_NO_DEPRECATED SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
target_link_libraries(forager_pch PUBLIC Boost::json Boost::url Threads::Threads fmt::fmt)

function(forager_layer name)
  cmake_parse_arguments(LAYER "" "" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(NOT sources)
    return()
  endif()
  add_library(forager_${name} STATIC ${sources})
  target_include_directories(forager_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
  target_compile_definitions(forager_${name} PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                             BOOST_ASIO_NO_DEPRECATED SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
  target_precompile_headers(forager_${name} REUSE_FROM forager_pch)
  target_link_libraries(forager_${name} PUBLIC ${LAYER_LINKS} Boost::json Boost::url fmt::fmt Threads::Threads)
endfunction()

# Text files become constants of the binary: src/<layer>/<name>.<ext> -> generated/<layer>/<name>_<ext>.h
function(forager_embed layer file symbol)
  set(out ${CMAKE_BINARY_DIR}/generated/${layer}/${symbol}.h)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_SOURCE_DIR}/${file} -DOUT=${out} -DSYMBOL=${symbol} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/${file} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake)
  target_sources(forager_${layer} PRIVATE ${out})
endfunction()

forager_layer(os LINKS spdlog::spdlog PkgConfig::SECCOMP)
forager_layer(job LINKS OpenSSL::Crypto)
forager_layer(http LINKS forager_job forager_os OpenSSL::SSL ZLIB::ZLIB CURL::libcurl)
forager_layer(review LINKS forager_job)
forager_layer(store LINKS forager_job forager_os SQLite::SQLite3)
forager_layer(collectors LINKS forager_job forager_os CURL::libcurl LibXml2::LibXml2 PkgConfig::GUMBO ICU::uc)
forager_layer(worker LINKS forager_collectors forager_job forager_os)
forager_layer(supervisor LINKS forager_job forager_os)
forager_layer(scheduler LINKS forager_store forager_supervisor forager_job forager_os)
forager_layer(api LINKS forager_store forager_http forager_job forager_os)
forager_embed(api src/api/openapi.json OpenApiJson)
forager_layer(dashboard LINKS forager_http forager_job forager_os)
include(cmake/dashboard.cmake)
forager_layer(cli LINKS forager_http forager_job forager_os CLI11::CLI11)
forager_layer(app LINKS forager_api forager_dashboard forager_scheduler forager_supervisor forager_worker forager_store forager_cli CLI11::CLI11)
if(TARGET forager_app)
  forager_embed(app src/app/default_types.toml DefaultTypes)
  # demo_site/quick-move-in.html -> kDemoQuickMoveIn
  file(GLOB pages RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/app/demo_site/*)
  foreach(page ${pages})
    string(REGEX REPLACE "^.*/|\\.html$" "" words ${page})
    string(REGEX MATCHALL "[a-z0-9]+" words ${words})
    set(symbol Demo)
    foreach(word ${words})
      string(SUBSTRING ${word} 0 1 first)
      string(SUBSTRING ${word} 1 -1 rest)
      string(TOUPPER ${first} first)
      string(APPEND symbol ${first}${rest})
    endforeach()
    forager_embed(app ${page} ${symbol})
  endforeach()
endif()

forager_embed(store src/store/sql/access.sql AccessSql)
forager_embed(store src/store/sql/claim.sql ClaimSql)
forager_embed(store src/store/sql/jobs.sql JobsSql)
forager_embed(store src/store/sql/list.sql ListSql)
forager_embed(store src/store/sql/reads.sql ReadsSql)
forager_embed(store src/store/sql/sqlite.sql SqliteSql)
forager_embed(store src/store/sql/sqlite_schema.sql SqliteSchemaSql)

if(EXISTS ${CMAKE_SOURCE_DIR}/src/app/main.cc)
  add_executable(forager src/app/main.cc)
  target_link_libraries(forager PRIVATE forager_app)
endif()
