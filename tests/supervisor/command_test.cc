// What a command is given: its directory, its environment, its descriptors.
#include <fmt/format.h>

#include <filesystem>

#include "os/sandbox.h"
#include "supervisor/keeper_protocol.h"
#include "tests/supervisor/supervisor_fixture.h"

namespace forager::supervisor {
namespace {

AttemptSpec Shell(const std::string& script) { return Command({"/bin/sh", "-c", script}); }

TEST_F(SupervisorTest, ACommandRunsInItsDirectory) {
  Open();
  AttemptSpec spec = Shell("pwd; echo $HOME; echo x > $TMPDIR/made && echo written");
  spec.directory = "/usr/share";
  Run(std::move(spec));
  std::string scratch = fmt::format("{}/scratch/{}-1", dir_, Ref(1).job_id);
  for (const std::string& line : {std::string("/usr/share"), scratch, std::string("written")})
    EXPECT_TRUE(witness_.Said(Ref(1), line)) << line << " in " << witness_.Output(Ref(1));
}

TEST_F(SupervisorTest, ADirectoryThatCannotBeReadIsNamed) {
  Open(os::IsRoot() ? "nobody" : "");
  std::filesystem::create_directory(dir_ + "/closed");
  std::filesystem::permissions(dir_ + "/closed", std::filesystem::perms::none);
  for (const std::string& directory : {dir_ + "/closed", dir_ + "/nowhere"}) {
    AttemptSpec spec = Shell("true");
    static int number = 10;
    spec.ref = Ref(++number);
    spec.directory = directory;
    auto end = Run(std::move(spec));
    auto* why = std::get_if<NotStarted>(&end.process);
    ASSERT_TRUE(why) << directory;
    EXPECT_FALSE(why->resources);
    EXPECT_TRUE(why->reason.starts_with("its directory " + directory + " cannot be read: "))
        << why->reason;
  }
}

TEST_F(SupervisorTest, ItsOwnVariablesWinOverTheUsualOnesButNotOverOurs) {
  Open();
  AttemptSpec spec = Command({"sh", "-c", "env"});
  spec.environment = {{"LANG", "de_DE.UTF-8"}, {"A", "1=2 \n3"}, {"PATH", "/bin:/usr/bin"}};
  std::string json = spec.job_json;
  Run(std::move(spec));
  std::string output = witness_.Output(Ref(1));
  for (const std::string& line : {std::string("LANG=de_DE.UTF-8"), std::string("A=1=2 "),
                                  std::string("PATH=/bin:/usr/bin"), "FORAGER_JOB=" + json,
                                  "FORAGER_JOB_ID=" + Ref(1).job_id}) {
    EXPECT_TRUE(witness_.Said(Ref(1), line)) << line << " in " << output;
  }
  EXPECT_EQ(output.find("C.UTF-8"), std::string::npos);
}

TEST_F(SupervisorTest, EventsGoBesideItsOutput) {
  Open(os::IsRoot() ? "nobody" : "");
  Run(Shell("echo '{\"type\":\"progress\",\"percent\":1,\"stage\":\"beside\"}' > $FORAGER_EVENTS; "
            "echo plain > /dev/stdout; echo wrong > /dev/stderr"));
  for (const char* said : {"beside", "plain", "wrong"})
    EXPECT_TRUE(witness_.Said(Ref(1), said)) << said << " in " << witness_.Output(Ref(1));
}

TEST_F(SupervisorTest, EachObjectIsAnItemWhereTheOutputIsJsonLines) {
  Open();
  AttemptSpec spec = Shell(
      "echo '{\"name\":\"a\",\"type\":\"result\",\"status\":\"failed\"}'; echo plain; "
      "echo '{broken'; echo '[1]'; printf '{\"n\":12345678901234567890}'; "
      "echo '{\"type\":\"progress\",\"percent\":1,\"stage\":\"beside\"}' > $FORAGER_EVENTS");
  spec.output = Output::kItems;
  AttemptEnd end = Run(std::move(spec));
  EXPECT_FALSE(end.result);
  std::vector<std::string> items;
  for (const Event& event : witness_.events[Ref(1)]) {
    if (auto* record = std::get_if<RecordEvent>(&event)) items.push_back(record->entity);
  }
  ASSERT_EQ(items.size(), 2u) << witness_.Output(Ref(1));
  EXPECT_EQ(items[0], R"({"name":"a","type":"result","status":"failed"})");
  EXPECT_EQ(items[1], R"({"n":12345678901234567890})");
  for (const char* said : {"plain", "{broken", "[1]", "beside"})
    EXPECT_TRUE(witness_.Said(Ref(1), said)) << said << " in " << witness_.Output(Ref(1));
}

TEST_F(SupervisorTest, NothingIsAnEventWhereTheOutputIsText) {
  Open();
  AttemptSpec spec = Shell(
      "echo '{\"type\":\"result\",\"status\":\"failed\"}'; "
      "echo '{\"type\":\"progress\",\"percent\":1,\"stage\":\"beside\"}' >&3");
  spec.output = Output::kText;
  AttemptEnd end = Run(std::move(spec));
  EXPECT_FALSE(end.result);
  EXPECT_TRUE(witness_.Said(Ref(1), R"({"type":"result","status":"failed"})"));
  EXPECT_TRUE(witness_.Said(Ref(1), "beside"));
}

TEST_F(SupervisorTest, TheNextAttemptOfAJobFindsItsState) {
  Open(os::IsRoot() ? "nobody" : "");
  auto attempt = [&](int number, const std::string& script) {
    AttemptSpec spec = Shell(script);
    spec.ref = {Ref(1).job_id, number};
    AttemptRef ref = spec.ref;
    Run(std::move(spec));
    return witness_.Output(ref);
  };
  attempt(1, "echo page 3 > $FORAGER_STATE/at; echo x > $FORAGER_OUT/made; kill -9 $$");
  EXPECT_EQ(attempt(2, "cat $FORAGER_STATE/at; ls $FORAGER_OUT | wc -l"), "page 3\n0\n");
  EXPECT_EQ(supervisor_->JobsWithState(), std::vector{Ref(1).job_id});
  supervisor_->ForgetState(Ref(1).job_id);
  EXPECT_TRUE(witness_.Until([&] { return supervisor_->JobsWithState().empty(); }));
  EXPECT_EQ(attempt(3, "echo $FORAGER_STATE $FORAGER_OUT | wc -w"), "2\n");
  std::string said = attempt(4, "echo $FORAGER_STATE");
  EXPECT_EQ(said.find("may not read"), said.npos) << said;  // its own, though in the data directory
  EXPECT_TRUE(witness_.Until([&] { return supervisor_->JobsWithState().empty(); }));
}

TEST_F(SupervisorTest, AJobTooLongForAVariableStandsOnItsInputAlone) {
  Open();
  AttemptSpec spec = Shell("wc -c; echo ${FORAGER_JOB-none}");
  spec.job_json = "\"" + std::string(150'000, 'x') + "\"";
  Run(std::move(spec));
  EXPECT_TRUE(witness_.Said(Ref(1), "150003")) << witness_.Output(Ref(1));
  EXPECT_TRUE(witness_.Said(Ref(1), "none"));
  EXPECT_NE(witness_.Output(Ref(1)).find("FORAGER_JOB is not set"), std::string::npos);
}

TEST_F(SupervisorTest, WhatDoesNotFitIsInvalidAndHurtsNobody) {
  Open();
  AttemptSpec words = Command(std::vector<std::string>(20'000, ""), 1);
  words.command[0] = "/bin/true";
  AttemptSpec wide = Command({"/bin/true"}, 2);
  wide.environment = {{"A", std::string(70'000, 'x')}};
  for (AttemptSpec& spec : std::vector{std::move(words), std::move(wide)}) {
    auto end = Run(std::move(spec));
    auto* why = std::get_if<NotStarted>(&end.process);
    ASSERT_TRUE(why);
    EXPECT_FALSE(why->resources) << why->reason;
  }
  AttemptSpec full = Command(std::vector<std::string>(7'000, "x"), 3);
  full.command[0] = "/bin/true";
  full.environment = {{"A", std::string(60'000, 'x')}};
  full.job_json = "\"" + std::string(60'000, 'x') + "\"";
  EXPECT_EQ(std::get<Exited>(Run(std::move(full)).process).code, 0);
  EXPECT_TRUE(witness_.restarts.empty());
}

}  // namespace
}  // namespace forager::supervisor
