// What this process was refused by the system of late, in a sentence: noted by whoever asked for
// it, told by /readyz. From any thread.
#pragma once

#include <string>

namespace forager::os {

void NoteShortage(std::string why);  // "": no more
std::string CurrentShortage();

}  // namespace forager::os
