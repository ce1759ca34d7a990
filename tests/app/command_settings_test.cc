#include "app/command_settings.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/settings.h"

namespace forager::app {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// A folder with a configuration file, some files beside it, and a type `mine` in it.
class CommandSettingsTest : public ::testing::Test {
 protected:
  CommandSettingsTest() {
    std::string pattern = ::testing::TempDir() + "command-XXXXXX";
    dir_ = fs::canonical(mkdtemp(pattern.data()));
    sources_.flags["data_dir"] = dir_ + "/data";
    sources_.flags["config"] = dir_ + "/forager.toml";
    fs::create_directory(dir_ + "/sub");
    fs::create_directory(dir_ + "/data");
    for (const char* name : {"collect.py", "quotes", "sub/collect.py", "sub/words.txt", "run.sh"})
      std::ofstream(dir_ + "/" + name) << "\n";
    before_ = fs::current_path();
    fs::current_path(dir_);
  }
  ~CommandSettingsTest() override {
    fs::current_path(before_);
    fs::remove_all(dir_);
  }

  Result<Settings> Load(const std::string& keys) {
    std::ofstream(dir_ + "/forager.toml") << "[types.mine]\n" << keys;
    return LoadSettings(sources_);
  }
  TypeSettings Type(const std::string& keys) {
    auto settings = Load(keys);
    EXPECT_TRUE(settings) << settings.error().detail;
    if (!settings) return {};
    warnings_ = settings->warnings;
    return settings->types->Get("mine");
  }
  Words Command(const std::string& array) { return Type("command = " + array + "\n").command; }
  std::string Wrong(const std::string& keys) {
    auto settings = Load(keys);
    return settings ? "" : settings.error().detail;
  }
  std::string In(const std::string& name) { return dir_ + "/" + name; }

  std::string dir_;
  fs::path before_;
  SettingSources sources_;
  Words warnings_;
};

TEST_F(CommandSettingsTest, AnArgumentThatIsAlsoAFileStaysAsItIs) {
  EXPECT_EQ(Command(R"(["echo", "quotes", "data", "run.sh"])"),
            (Words{"echo", "quotes", "data", "run.sh"}));
  EXPECT_EQ(Command(R"(["sh", "-c", "cat quotes", "quotes", "sub/words.txt"])"),
            (Words{"sh", "-c", "cat quotes", "quotes", "sub/words.txt"}));
  EXPECT_EQ(Command(R"(["python3", "-m", "quotes", "run.sh"])"),
            (Words{"python3", "-m", "quotes", "run.sh"}));
  EXPECT_EQ(Command(R"(["echo", "python3", "quotes"])"), (Words{"echo", "python3", "quotes"}));
  EXPECT_EQ(Command(R"(["python3", "collect.py", "quotes", "sub/words.txt"])"),
            (Words{"python3", In("collect.py"), "quotes", "sub/words.txt"}));
}

TEST_F(CommandSettingsTest, TheProgramAndTheScriptOfAnInterpreterAreNamedInFull) {
  EXPECT_EQ(Command(R"(["python3", "-u", "-W", "ignore", "sub/collect.py"])").back(),
            In("sub/collect.py"));
  EXPECT_EQ(Command(R"(["/usr/bin/python3.11", "collect.py"])")[1], In("collect.py"));
  EXPECT_EQ(Command(R"(["env", "A=1", "nice", "-n", "5", "python3", "collect.py"])").back(),
            In("collect.py"));
  EXPECT_EQ(Command(R"(["./run.sh", "run.sh"])"), (Words{In("run.sh"), "run.sh"}));
  EXPECT_EQ(Command(R"(["run.sh"])")[0], In("run.sh"));
  EXPECT_EQ(Command(R"(["sh", "-eu", "run.sh"])").back(), In("run.sh"));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(CommandSettingsTest, WithADirectoryEveryWordMeansWhatItMeansThere) {
  TypeSettings type = Type("command = [\"python3\", \"collect.py\"]\ndirectory = \"sub\"\n");
  EXPECT_EQ(type.directory, In("sub"));
  EXPECT_EQ(type.command, (Words{"python3", "collect.py"}));
  EXPECT_NE(Wrong("command = [\"true\"]\ndirectory = \"nowhere\"\n").find("types.mine.directory"),
            std::string::npos);
  EXPECT_NE(Wrong("command = [\"true\"]\ndirectory = \"quotes\"\n").find("which " + In("quotes")),
            std::string::npos);
}

TEST_F(CommandSettingsTest, AFileThatWillNotBeFoundIsSaid) {
  Command(R"(["python3", "missing.py"])");
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_EQ(warnings_[0], "types.mine: missing.py is no file in " + dir_ +
                              ": name it in full, or set directory");
  Command(R"(["python3", "collect.py", "sub/words.txt"])");
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find("sub/words.txt will not be found"), std::string::npos);
}

TEST_F(CommandSettingsTest, VariablesComeFromTheFileAndByName) {
  setenv("LIMITS_PASSED", "\xEF\xBB\xBFone\r\n", 1);
  setenv("LIMITS_BOTH", "theirs", 1);
  setenv("LIMITS_EMPTY", "", 1);
  TypeSettings type = Type(
      "command = [\"true\"]\nenv = { LIMITS_BOTH = \"ours\", PORT = 80, NONE = \"\" }\n"
      "pass_env = [\"LIMITS_PASSED\", \"LIMITS_BOTH\", \"LIMITS_EMPTY\", \"LIMITS_UNSET\"]\n");
  EXPECT_EQ(type.environment,
            (std::map<std::string, std::string>{
                {"LIMITS_PASSED", "one"}, {"LIMITS_BOTH", "ours"}, {"PORT", "80"}, {"NONE", ""}}));
  auto settings = Load("command = [\"true\"]\nenv = { SECRET = \"hidden-value\" }\n");
  for (const auto& view : settings->views) {
    EXPECT_EQ(view.value.find("hidden-value"), std::string::npos) << view.name;
    bool shows_names = view.name != "types.mine.env" || view.value == "SECRET";
    EXPECT_TRUE(shows_names) << view.value;
  }
}

TEST_F(CommandSettingsTest, WrongOnesAreOneSentence) {
  const std::pair<const char*, const char*> kCases[] = {
      {"command = [\"true\"]\nenv = { FORAGER_JOB = \"x\" }\n", "FORAGER_JOB belongs to forager"},
      {"command = [\"true\"]\npass_env = [\"FORAGER_DATABASE\"]\n",
       "FORAGER_DATABASE belongs to forager"},
      {"command = [\"true\"]\nenv = { \"A=B\" = \"x\" }\n", "names of letters, digits"},
      {"command = [\"true\"]\nenv = { A = \"x\\u0000y\" }\n", "without NUL characters"},
      {"command = [\"tr\\u0000ue\"]\n", "an array: the program and its arguments"},
      {"command = [\"true\"]\nenv = \"A=B\"\n", "a table: env = { NAME"},
      {"command = [\"true\"]\nenv = { A = [1] }\n", "env.A must be a text"},
      {"command = [\"true\"]\noutput = \"json\"\n", "events or jsonl or text"},
      {"collector = \"web\"\noutput = \"text\"\n", "only a command has one"},
      {"command = [\"true\"]\nmax_processes = 0\n", "types.mine.max_processes = \"0\""},
      {"command = [\"true\"]\nmax_scratch = \"1KiB\"\n", "types.mine.max_scratch = \"1KiB\""},
      {"command = [\"true\"]\ngrace = { a = 1 }\n", "types.mine.grace"},
  };
  for (const auto& [keys, message] : kCases)
    EXPECT_NE(Wrong(keys).find(message), std::string::npos) << keys << " -> " << Wrong(keys);
  std::string wide = "command = [\"true\"]\nenv = { A = \"" + std::string(70'000, 'x') + "\" }\n";
  EXPECT_NE(Wrong(wide).find("at most 64 KiB together"), std::string::npos);
}

}  // namespace
}  // namespace forager::app
