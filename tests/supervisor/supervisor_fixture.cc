#include "tests/supervisor/supervisor_fixture.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include "job/codec.h"
#include "os/proc_files.h"
#include "supervisor/leftovers.h"

namespace forager::supervisor {

AttemptRef Ref(int number) { return {fmt::format("JOB-1-TEST{:06}", number), number}; }

AttemptSpec SelfTest(const std::string& job_type, int number, const std::string& filters) {
  Job job;
  job.job_id = Ref(number).job_id;
  job.entity_type = "selftest";
  job.job_type = job_type;
  job.search_filters = filters;
  job.attempt = number;
  AttemptSpec spec;
  spec.ref = Ref(number);
  spec.collector = "selftest";
  spec.job_json = WriteAttemptJob(job);
  spec.grace = Millis(300);
  return spec;
}

AttemptSpec Command(std::vector<std::string> command, int number) {
  AttemptSpec spec = SelfTest("command", number);
  spec.collector = "command";
  spec.command = std::move(command);
  return spec;
}

void Witness::OnEvents(const AttemptRef& ref, std::vector<Event> more) {
  auto& all = events[ref];
  std::move(more.begin(), more.end(), std::back_inserter(all));
  Look();
}

void Witness::OnEnded(const AttemptRef& ref, const AttemptEnd& end) {
  EXPECT_FALSE(ended.contains(ref)) << "an attempt ends once";
  ended[ref] = end;
  ended_at[ref] = os::SystemClock().SteadyNow();
  Look();
}

bool Witness::Until(std::function<bool()> condition, std::chrono::milliseconds limit) {
  if (condition()) return true;
  condition_ = std::move(condition);
  auto late = loop_.After(limit, [this] { loop_.Stop(); });
  auto look = loop_.Every(std::chrono::milliseconds(5), [this] { Look(); });
  loop_.Run();
  return std::exchange(condition_, nullptr)();
}

bool Witness::Said(const AttemptRef& ref, const std::string& message) const {
  auto found = events.find(ref);
  if (found == events.end()) return false;
  for (const Event& event : found->second) {
    if (auto* log = std::get_if<LogEvent>(&event); log && log->message == message) return true;
    if (auto* progress = std::get_if<ProgressEvent>(&event); progress && progress->stage == message)
      return true;
  }
  return false;
}

std::string Witness::Output(const AttemptRef& ref) const {
  std::string output;
  auto found = events.find(ref);
  if (found == events.end()) return output;
  for (const Event& event : found->second) {
    if (auto* log = std::get_if<LogEvent>(&event)) output += log->message + "\n";
  }
  return output;
}

void SupervisorTest::SetUp() {
  std::string name = std::filesystem::temp_directory_path() / "forager-supervisor-XXXXXX";
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  dir_ = std::filesystem::canonical(name);
}

void SupervisorTest::TearDown() {
  supervisor_.reset();
  std::filesystem::remove_all(dir_);
}

void SupervisorTest::Open(std::string run_as) {
  auto made =
      Supervisor::Make(*loop_, os::SystemClock(), {dir_, std::move(run_as), {}, {}}, witness_);
  ASSERT_TRUE(made) << made.error().detail;
  supervisor_ = std::move(*made);
}

AttemptEnd SupervisorTest::Run(AttemptSpec spec) {
  AttemptRef ref = spec.ref;
  supervisor_->Start(std::move(spec));
  EXPECT_TRUE(witness_.Until([&] { return witness_.ended.contains(ref); })) << "it did not end";
  return witness_.ended[ref];
}

AttemptEnd SupervisorTest::RunAndThen(AttemptSpec spec, const std::string& message,
                                      std::function<void()> meanwhile) {
  AttemptRef ref = spec.ref;
  supervisor_->Start(std::move(spec));
  EXPECT_TRUE(witness_.Until([&] { return witness_.Said(ref, message); }))
      << "it did not say " << message;
  meanwhile();
  EXPECT_TRUE(witness_.Until([&] { return witness_.ended.contains(ref); })) << "it did not end";
  return witness_.ended[ref];
}

std::vector<pid_t> SupervisorTest::AttemptProcesses() const {
  std::vector<pid_t> found = os::FindByEnvironment(LeftoverMarker(dir_) + '\0');
  std::erase_if(found, [](pid_t pid) {  // the keeper, and those that work for it for a moment
    std::string name = os::ReadSmallFile(fmt::format("/proc/{}/comm", pid));
    return name.empty() || name == "forager-keeper\n" || name == "forager-look\n" ||
           name == "forager-clean\n";
  });
  return found;
}

bool SupervisorTest::NothingIsLeft() {
  std::vector<pid_t> left = AttemptProcesses();
  return left.empty() && supervisor_->Live().empty();
}

}  // namespace forager::supervisor
