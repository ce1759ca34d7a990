#include "app/settings.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/public_url.h"

namespace forager::app {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    std::string pattern = ::testing::TempDir() + "settings-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    sources_.flags["data_dir"] = dir_;
  }
  ~SettingsTest() override { std::filesystem::remove_all(dir_); }

  void File(const std::string& text) { std::ofstream(dir_ + "/forager.toml") << text; }
  Settings Load() {
    auto settings = LoadSettings(sources_);
    EXPECT_TRUE(settings) << settings.error().detail;
    return settings.value_or(Settings{});
  }
  std::string Wrong() {
    auto settings = LoadSettings(sources_);
    return settings ? "" : settings.error().detail;
  }
  std::string SourceOf(const Settings& settings, const std::string& name) {
    for (const auto& view : settings.views) {
      if (view.name == name) return view.source;
    }
    return "";
  }

  std::string dir_;
  SettingSources sources_;
};

TEST_F(SettingsTest, DefaultsAreTheContracts) {
  Settings settings = Load();
  EXPECT_EQ(settings.listen, "127.0.0.1:8080");
  EXPECT_FALSE(settings.automatic);
  EXPECT_EQ(settings.max_running, 1);
  EXPECT_EQ(settings.monitor_interval, Millis{300'000});
  EXPECT_EQ(settings.types->defaults().timeout, Millis{30 * 60'000});
  for (const char* type : {"community", "builder", "property", "sales_rep"})
    EXPECT_TRUE(settings.types->Find(type)) << type;
  EXPECT_FALSE(settings.types->Find("selftest"));
}

TEST_F(SettingsTest, FlagWinsOverEnvironmentOverFile) {
  File("max_running = 4\n");
  EXPECT_EQ(Load().max_running, 4);
  sources_.environment["FORAGER_MAX_RUNNING"] = "5";
  EXPECT_EQ(Load().max_running, 5);
  sources_.flags["max_running"] = "6";
  Settings settings = Load();
  EXPECT_EQ(settings.max_running, 6);
  EXPECT_EQ(SourceOf(settings, "max_running"), "flag --max-running");
}

TEST_F(SettingsTest, WrongValueIsOneLineWithItsSourceAndRange) {
  sources_.environment["FORAGER_MAX_RUNNING"] = "0";
  EXPECT_EQ(Wrong(),
            "max_running = \"0\" (environment FORAGER_MAX_RUNNING) is wrong: it must be a whole "
            "number from 1 to 10000");
  sources_.environment.clear();
  File("\n[defaults]\ngrace = \"10 s\"\n");
  EXPECT_TRUE(Wrong().starts_with("grace = \"10 s\" (file " + dir_ + "/forager.toml:3) is wrong"))
      << Wrong();
}

TEST_F(SettingsTest, UnknownKeysAreNamedWithTheirLine) {
  const std::pair<const char*, const char*> kCases[] = {
      {"max_runing = 4\n", "forager.toml:1: unknown key max_runing"},
      {"[defaults]\nx = 1\n", "forager.toml:2: unknown key defaults.x"},
      {"[types.a]\ncolector = \"web\"\n", "forager.toml:2: unknown key types.a.colector"},
      {"[tpyes.a]\n", "forager.toml:1: unknown table tpyes"},
      {"a = \n", "forager.toml:1"},
  };
  for (const auto& [text, message] : kCases) {
    File(text);
    EXPECT_NE(Wrong().find(message), std::string::npos) << text << " -> " << Wrong();
  }
}

TEST_F(SettingsTest, TypeHasItsOwnKeysAndTheDefaultsForTheRest) {
  File(
      "[defaults]\ngrace = \"5s\"\n[types.property]\ntimeout_minutes = 15\nmax_running = 10\n"
      "[types.company]\ncommand = [\"python3\", \"collect.py\"]\n");
  std::ofstream(dir_ + "/collect.py") << "\n";
  Settings settings = Load();
  const TypeSettings& property = settings.types->Get("property");
  EXPECT_EQ(property.collector, "web");
  EXPECT_EQ(property.timeout, Millis{15 * 60'000});
  EXPECT_EQ(property.grace, Millis{5'000});
  EXPECT_EQ(property.max_running, 10);
  const TypeSettings& company = settings.types->Get("company");
  EXPECT_EQ(company.collector, "command");
  EXPECT_EQ(company.command[0], "python3");
  EXPECT_EQ(std::filesystem::path(company.command[1]).filename(), "collect.py");
  EXPECT_TRUE(std::filesystem::path(company.command[1]).is_absolute());
}

TEST_F(SettingsTest, WhoeverSetsTheHeartbeatLimitIsKnown) {
  std::string types =
      "[types.a]\ncommand = \"a\"\n[types.b]\ncommand = \"b\"\nheartbeat_timeout = \"30s\"\n";
  File(types);
  EXPECT_FALSE(Load().types->defaults().heartbeat_set);
  EXPECT_FALSE(Load().types->Get("a").heartbeat_set);
  EXPECT_TRUE(Load().types->Get("b").heartbeat_set) << "also when it is the default's length";
  File("[defaults]\nheartbeat_timeout = \"1m\"\n" + types);
  EXPECT_TRUE(Load().types->Get("a").heartbeat_set);
  File(types);
  sources_.environment["FORAGER_HEARTBEAT_TIMEOUT"] = "30s";
  EXPECT_TRUE(Load().types->Get("a").heartbeat_set);
}

TEST_F(SettingsTest, NoAccessControlOnlyOnLoopback) {
  sources_.flags["auth"] = "off";
  EXPECT_FALSE(Load().auth);
  sources_.flags["listen"] = "0.0.0.0:8080";
  EXPECT_NE(Wrong().find("auth = \"off\" is refused"), std::string::npos);
}

TEST_F(SettingsTest, PublicUrlIsAHostOrAPathOnIt) {
  sources_.flags["public_url"] = "https://forager.example:8443/";
  EXPECT_EQ(Load().public_url, "https://forager.example:8443");
  EXPECT_EQ(BasePath(Load().public_url), "");
  sources_.flags["public_url"] = "https://x.example/tools/forager/";
  EXPECT_EQ(BasePath(Load().public_url), "/tools/forager");
  for (const char* wrong :
       {"https://x.example?a=b", "https://", "https://me:pw@x.example", "ftp://x.example",
        "x.example", "https://x.example/v1", "https://x.example/jobs/forager",
        "https://x.example/a//b", "https://x.example/..", "https://x.example/a%2fb",
        "https://x.example/a?b", "https://x.example/\"><script>", "https:///forager"}) {
    sources_.flags["public_url"] = wrong;
    EXPECT_NE(Wrong().find("of a path on it"), std::string::npos) << wrong;
    EXPECT_EQ(Wrong().find("pw"), std::string::npos) << wrong;
  }
}

TEST_F(SettingsTest, PasswordsInAddressesAreNotShown) {
  File(
      "[alerts.receivers.ops]\nkind = \"email\"\nsmtp = \"smtp://me:passw0rd@mail.example\"\n"
      "from = \"a@b.c\"\nto = \"d@e.f\"\n");
  Settings settings = Load();
  ASSERT_EQ(settings.alerts.receivers.size(), 1u);
  EXPECT_EQ(settings.alerts.receivers[0].smtp, "smtp://me:passw0rd@mail.example");
  for (const auto& view : settings.views)
    EXPECT_EQ(view.value.find("passw0rd"), std::string::npos) << view.name;
  File("[alerts.receivers.ops]\nkind = \"email\"\nsmtp = \"smpt://me:passw0rd@mail.example\"\n");
  EXPECT_NE(Wrong().find("smpt://me:...@mail.example"), std::string::npos) << Wrong();
}

TEST_F(SettingsTest, VariablesEndInNewlinesAndEmptyOnesAreUnset) {
  setenv("FORAGER_MAX_RUNNING", "7\r\n", 1);
  setenv("FORAGER_USER_AGENT", "", 1);
  setenv("FORAGER_LISTEN", "\n", 1);
  sources_.environment = ReadEnvironment();
  for (const char* name : {"FORAGER_MAX_RUNNING", "FORAGER_USER_AGENT", "FORAGER_LISTEN"})
    unsetenv(name);
  Settings settings = Load();
  EXPECT_EQ(settings.max_running, 7);
  EXPECT_EQ(SourceOf(settings, "user_agent"), "default");
  EXPECT_EQ(SourceOf(settings, "listen"), "default");
}

TEST_F(SettingsTest, TheFileMayBeginWithAByteOrderMark) {
  File("\xEF\xBB\xBFmax_running = 9\r\n");
  EXPECT_EQ(Load().max_running, 9);
  File(std::string("\xFF\xFEm\0", 4));
  EXPECT_NE(Wrong().find("save it as UTF-8"), std::string::npos) << Wrong();
}

TEST_F(SettingsTest, MonitorTakesFractionsOfASecond) {
  sources_.environment["ARTITEC_JOB_MONITOR_INTERVAL"] = "0.1";
  sources_.environment["ARTITEC_JOB_TIMEOUT_MINUTES"] = "0.5";
  Settings settings = Load();
  EXPECT_EQ(settings.monitor_interval, Millis{100});
  EXPECT_EQ(settings.types->Get("community").timeout, Millis{30'000});
  sources_.environment["ARTITEC_JOB_MONITOR_INTERVAL"] = "0.01";
  EXPECT_NE(Wrong().find("from 0.1 to 86400"), std::string::npos);
}

}  // namespace
}  // namespace forager::app
