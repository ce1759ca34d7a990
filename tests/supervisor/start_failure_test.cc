#include "supervisor/start_failure.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace forager::supervisor {
namespace {

TEST(StartFailure, SaysWhatIsToBeMended) {
  std::string folder = testing::TempDir() + "start_failure/";
  std::filesystem::create_directories(folder);
  auto script = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + name, std::ios::binary) << text;
    return folder + name;
  };
  std::string dos = script("dos.sh", "#!/bin/sh\r\necho\r\n");
  EXPECT_EQ(
      WhyNotExecuted(dos, ENOENT, ""),
      "cannot start " + dos +
          ": its first line names /bin/sh\\r, which does not exist: the file has Windows line "
          "ends (mend it with dos2unix)");
  std::string odd = script("odd.py", "#! /no/such/python3 -u\n");
  EXPECT_EQ(WhyNotExecuted(odd, ENOENT, ""),
            "cannot start " + odd + ": its interpreter /no/such/python3 does not exist");
  EXPECT_EQ(WhyNotExecuted("odd.py", ENOENT, "/nowhere:" + folder),
            "cannot start odd.py: its interpreter /no/such/python3 does not exist");
  EXPECT_EQ(WhyNotExecuted("gone.py", ENOENT, folder),
            "cannot start gone.py: there is no such program in PATH");
  EXPECT_EQ(WhyNotExecuted("/no/such/program", ENOENT, ""),
            "cannot start /no/such/program: No such file or directory");
  EXPECT_NE(WhyNotExecuted(odd, EACCES, "").find("chmod +x"), std::string::npos);
  EXPECT_NE(WhyNotExecuted(script("text", "words"), ENOEXEC, "").find("#! line"),
            std::string::npos);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace forager::supervisor
