// The schedule routes: bodies, names, changes, what is shown. The clock stands at 18 November 2026,
// 11:06:40 UTC.
#include "tests/api/api_fixture.h"

namespace forager::api {
namespace {

using testing::HasSubstr;

class SchedulesApi : public ApiTest {
 protected:
  static std::string Body(const std::string& more = "", const std::string& name = "nightly") {
    return R"({"name":")" + name + R"(","job":{"entity_type":"property","job_type":"discovery"})" +
           more + "}";
  }
  Answered Made(const std::string& more = R"(,"cron":"30 2 * * *")") {
    Answered made = Post("/schedules", Body(more));
    EXPECT_EQ(made.status, 201) << made.body;
    return made;
  }
  Answered Patch(const std::string& body, const std::string& id = "nightly") {
    return Ask("PATCH", "/schedules/" + id, body);
  }
  // The field that is wrong, and why.
  static std::string Wrong(const Answered& answer) {
    if (answer.status != 422) return answer.body;
    return answer.Text("/errors/0/field") + " " + answer.Text("/errors/0/message");
  }
};

TEST_F(SchedulesApi, CreateAnswersTheScheduleItsWordsAndItsNextTenRuns) {
  Answered made = Made(R"(,"cron":"30 2 * * *","time_zone":"Europe/Berlin")");
  EXPECT_EQ(made.Header("Location"), std::string(kBase) + "/schedules/1");
  EXPECT_EQ(made.Text("/words"), "At 02:30 every day");
  EXPECT_EQ(made.Text("/overlap"), "skip");
  EXPECT_EQ(made.Text("/missed"), "once");
  EXPECT_EQ(made.Text("/next_run_at"), "2026-11-19T01:30:00.000Z");
  EXPECT_EQ(made.Json().at("next_runs").as_array().size(), 10u);
  EXPECT_EQ(made.Text("/next_runs/0/local"), "2026-11-19T02:30:00+01:00");
  EXPECT_EQ(made.Text("/job/job_type"), "discovery");
  EXPECT_EQ(Get("/schedules/1").body, made.body);
  EXPECT_EQ(Get("/schedules/nightly").body, made.body);
  Answered list = Get("/schedules");
  EXPECT_EQ(list.Int("/total"), 1);
  EXPECT_EQ(list.Text("/schedules/0/name"), "nightly");
}

TEST_F(SchedulesApi, WhatIsWrongIsNamed) {
  const std::pair<std::string, std::string> kTable[] = {
      {"{}", "name is required"},
      {Body(), "cron is required, or run_at"},
      {Body(R"(,"cron":"* * * *")"), "cron must have five fields"},
      {Body(R"(,"cron":"0 0 30 2 *")"), "cron never comes"},
      {Body(R"(,"cron":"@daily","run_at":"2027-01-01T00:00:00Z")"), "run_at and cron exclude"},
      {Body(R"(,"run_at":"2026-11-18T11:06:40Z")"), "run_at must lie in the future"},
      {Body(R"(,"cron":"@daily","time_zone":"Mars/Base")"), "time_zone must be a time zone"},
      {Body(R"(,"cron":"@daily","time_zone":"../passwd")"), "time_zone must be a time zone"},
      {Body(R"(,"cron":"@daily","overlap":"x")"), "overlap must be skip, queue or cancel_old"},
      {Body(R"(,"cron":"@daily","missed":"x")"), "missed must be none, once or all"},
      {Body(R"(,"cron":"@daily","max_catch_up":101)"), "max_catch_up must be from 1 to 100"},
      {Body(R"(,"cron":"@daily","paused":1)"), "paused must be true or false"},
      {Body(R"(,"cron":"@daily","colour":1)"), "colour is not a known member"},
      {Body(R"(,"cron":"@daily")", "1st"), "name must be 1 to 50 of letters"},
      {Body(R"(,"cron":"@daily")", "preview"), "name must not be \"preview\""},
      {R"({"name":"n","cron":"@daily","job":[]})", "job must be an object"},
      {R"({"name":"n","cron":"@daily","job":{"entity_type":"property"}})",
       "job.job_type is required"},
      {R"({"name":"n","cron":"@daily","job":{"entity_type":"property","job_type":"x","priority":11}})",
       "job.priority must be from 0 to 10"},
      {R"({"name":"n","cron":"@daily","job":{"entity_type":"property","job_type":"x","run_at":"2027-01-01T00:00:00Z"}})",
       "job.run_at is the schedule's to say"},
      {R"({"name":"n","cron":"@daily","job":{"entity_type":"property","job_type":"x","initiated_by":"me"}})",
       "job.initiated_by is the schedule's to say"},
  };
  for (const auto& [body, wrong] : kTable) {
    EXPECT_THAT(Wrong(Post("/schedules", body)), testing::StartsWith(wrong)) << body;
  }
  EXPECT_EQ(Post("/schedules", "{").status, 400);
  EXPECT_EQ(Get("/schedules").Int("/total"), 0);
}

TEST_F(SchedulesApi, ANameIsTakenOnce) {
  Made();
  EXPECT_EQ(Post("/schedules", Body(R"(,"cron":"@daily")")).status, 409);
  EXPECT_EQ(Get("/schedules/other").status, 404);
  EXPECT_EQ(Get("/schedules/99").status, 404);
  EXPECT_EQ(Patch("{}", "other").status, 404);
  EXPECT_EQ(Ask("DELETE", "/schedules/other").status, 404);
  EXPECT_EQ(Post("/schedules/other/run").status, 404);
  EXPECT_EQ(Get("/schedules/other/runs").status, 404);
}

TEST_F(SchedulesApi, AChangeLeavesWhatItDoesNotName) {
  Made();
  Answered changed = Patch(R"({"overlap":"queue","name":"daily"})");
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.Text("/cron"), "30 2 * * *");
  EXPECT_EQ(changed.Text("/overlap"), "queue");
  EXPECT_EQ(changed.Text("/next_run_at"), "2026-11-19T02:30:00.000Z");
  changed = Patch(R"({"time_zone":"Asia/Tokyo"})", "daily");
  EXPECT_EQ(changed.Text("/next_run_at"), "2026-11-18T17:30:00.000Z");
  changed = Patch(R"({"run_at":"2026-12-24T18:00:00Z"})", "daily");
  EXPECT_TRUE(changed.Json().at("cron").is_null());
  EXPECT_EQ(changed.Text("/next_run_at"), "2026-12-24T18:00:00.000Z");
  EXPECT_EQ(changed.Text("/words"), "Once, on 2026-12-25 at 03:00");
  changed = Patch(R"({"cron":"@hourly"})", "daily");
  EXPECT_TRUE(changed.Json().at("run_at").is_null());
  EXPECT_EQ(changed.Text("/next_run_at"), "2026-11-18T12:00:00.000Z");
  EXPECT_EQ(Patch(R"({"cron":"x"})", "daily").status, 422);
  EXPECT_EQ(Patch(R"({"job":{}})", "daily").status, 422);
}

TEST_F(SchedulesApi, WhatPassesWhileItIsPausedIsNotMissed) {
  Made(R"(,"cron":"0 * * * *")");
  Answered paused = Patch(R"({"paused":true})");
  EXPECT_TRUE(paused.Json().at("next_run_at").is_null());
  EXPECT_TRUE(paused.Json().at("next_runs").as_array().empty());
  clock_.Advance(std::chrono::hours(5));
  Answered resumed = Patch(R"({"paused":false})");
  EXPECT_EQ(resumed.Text("/next_run_at"), "2026-11-18T17:00:00.000Z");
}

TEST_F(SchedulesApi, AOneOffWhoseTimePassedWhilePausedWaitsForItsMissedRule) {
  Made(R"(,"run_at":"2026-11-18T12:00:00Z","paused":true)");
  clock_.Advance(std::chrono::hours(5));
  EXPECT_EQ(Patch(R"({"paused":false})").Text("/next_run_at"), "2026-11-18T12:00:00.000Z");
}

TEST_F(SchedulesApi, AChangeNeverGoesBackBeforeTheLastDueTime) {
  Made(R"(,"cron":"0 * * * *")");
  clock_.Advance(std::chrono::hours(3));
  ASSERT_TRUE(store_->WriteAndWait([&](store::Store& store) -> Result<void> {
    store::ScheduleStep step;
    step.schedule = store.FindSchedule("nightly").value();
    step.next = ParseRfc3339("2026-11-18T15:00:00Z");
    step.dues.push_back({*ParseRfc3339("2026-11-18T14:00:00Z"), false});
    EXPECT_TRUE(store.StepSchedule(step, 5, 1'000, clock_.Now()).value());
    return {};
  }));
  clock_.Advance(-std::chrono::hours(2));  // somebody set the clock back to 12:06
  EXPECT_EQ(Patch(R"({"cron":"30 * * * *"})").Text("/next_run_at"), "2026-11-18T14:30:00.000Z");
}

TEST_F(SchedulesApi, RunNowMakesItsJob) {
  Made();
  Answered job = Post("/schedules/nightly/run");
  EXPECT_EQ(job.status, 201);
  EXPECT_EQ(job.Text("/initiated_by"), "schedule:nightly");
  EXPECT_EQ(job.Header("Location"), std::string(kBase) + "/jobs/" + job.Text("/job_id"));
  EXPECT_EQ(job.Int("/priority"), 3) << "the type's own";
  Answered runs = Get("/schedules/nightly/runs");
  EXPECT_EQ(runs.Text("/runs/0/kind"), "manual");
  EXPECT_EQ(runs.Text("/runs/0/job_id"), job.Text("/job_id"));
  EXPECT_EQ(Get("/schedules/nightly").Int("/active_jobs"), 1);
  EXPECT_EQ(Get("/schedules/nightly/runs?limit=0").status, 422);
  control_.pending_bound = 1;
  EXPECT_EQ(Post("/schedules/nightly/run").status, 503);
}

TEST_F(SchedulesApi, DeletedIsGone) {
  Made();
  EXPECT_EQ(Ask("DELETE", "/schedules/1").Text("/message"), "Deleted schedule nightly");
  EXPECT_EQ(Get("/schedules/1").status, 404);
}

TEST_F(SchedulesApi, PreviewSaysWhatAnExpressionMeans) {
  Answered preview =
      Post("/schedules/preview",
           R"({"cron":"30 2 * * *","time_zone":"Europe/Berlin","from":"2027-03-27T12:00:00Z"})");
  EXPECT_EQ(preview.status, 200);
  EXPECT_EQ(preview.Text("/words"), "At 02:30 every day");
  EXPECT_EQ(preview.Text("/next_runs/0/at"), "2027-03-28T01:00:00.000Z");
  EXPECT_EQ(preview.Text("/next_runs/0/local"), "2027-03-28T03:00:00+02:00");
  EXPECT_EQ(Post("/schedules/preview", R"({"cron":"@daily"})").Text("/next_runs/0/at"),
            "2026-11-19T00:00:00.000Z");
  EXPECT_THAT(Wrong(Post("/schedules/preview", R"({"cron":"61 * * * *"})")), HasSubstr("minute"));
  EXPECT_THAT(Wrong(Post("/schedules/preview", "{}")), HasSubstr("cron is required"));
  EXPECT_EQ(Get("/schedules/preview").status, 405);
}

TEST_F(SchedulesApi, OneThatIsDueAndFindsNoRoomSaysSo) {
  Made(R"(,"cron":"0 * * * *")");
  EXPECT_EQ(Get("/schedules/nightly").Json().at("waiting"), nullptr);
  Submitted();
  control_.pending_bound = 1;
  clock_.Advance(2h);
  Answered held = Get("/schedules/nightly");
  EXPECT_THAT(held.Text("/waiting"), HasSubstr("at most 1 may wait"));
  EXPECT_EQ(Get("/schedules").Text("/schedules/0/waiting"), held.Text("/waiting"));
  control_.pending_bound = 2;
  EXPECT_EQ(Get("/schedules/nightly").Json().at("waiting"), nullptr);
}

}  // namespace
}  // namespace forager::api
