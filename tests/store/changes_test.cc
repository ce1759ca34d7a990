// The list of all changes.
#include <gmock/gmock.h>

#include "tests/store/store_fixture.h"

namespace forager::store {
namespace {

using testing::ElementsAre;

class AllChanges : public StoreTest {
 protected:
  AttemptRef Propose(const std::vector<std::pair<std::string, std::string>>& type_and_field) {
    AttemptNews news;
    news.ref = Running();
    for (const auto& [type, field] : type_and_field) {
      Change change;
      change.entity_type = type;
      change.field_name = field;
      change.change_type = field == "gone" ? "removed" : "modified";
      news.changes.push_back(std::move(change));
    }
    EXPECT_TRUE(*Do([&](Store& s) { return s.Record(news, now_); }));
    return news.ref;
  }
  Page<Change> List(const ChangeFilter& filter, int page = 1, int size = 20,
                    const std::optional<std::string>& cursor = {}) {
    auto found = Do([&](Store& s) { return s.AllChanges(filter, page, size, cursor); });
    EXPECT_TRUE(found) << found.error().detail;
    return found.value_or(Page<Change>{});
  }
  static std::vector<std::string> Fields(const Page<Change>& page) {
    std::vector<std::string> fields;
    for (const Change& change : page.items) fields.push_back(change.field_name.value_or(""));
    return fields;
  }
};
FORAGER_ON_BOTH_DRIVERS(AllChanges);

TEST_P(AllChanges, AreListedNewestFirstByPageAndByCursor) {
  Propose({{"a", "1"}, {"b", "2"}});
  Propose({{"a", "3"}, {"a", "4"}, {"b", "5"}});
  EXPECT_THAT(Fields(List({}, 1, 2)), ElementsAre("5", "4"));
  EXPECT_THAT(Fields(List({}, 2, 2)), ElementsAre("3", "2"));
  auto first = List({}, 1, 2);
  EXPECT_EQ(first.total, 5);
  auto second = List({}, 1, 2, first.next_cursor);
  EXPECT_THAT(Fields(second), ElementsAre("3", "2"));
  EXPECT_EQ(second.total, 5);
  auto third = List({}, 1, 2, second.next_cursor);
  EXPECT_THAT(Fields(third), ElementsAre("1"));
  EXPECT_FALSE(third.next_cursor);
}

TEST_P(AllChanges, AreFilteredByJobTypeKindAndReview) {
  std::string first = Propose({{"a", "1"}, {"b", "2"}, {"a", "gone"}}).job_id;
  Propose({{"a", "3"}});
  ChangeFilter filter;
  filter.job_id = first;
  EXPECT_EQ(List(filter).total, 3);
  filter.change_type = "removed";
  EXPECT_THAT(Fields(List(filter)), ElementsAre("gone"));
  filter = {};
  filter.entity_type = "a";
  EXPECT_THAT(Fields(List(filter)), ElementsAre("3", "gone", "1"));
  filter.status = "pending";
  filter.change_type = "modified";
  EXPECT_THAT(Fields(List(filter)), ElementsAre("3", "1"));
  filter = {};
  filter.status = "approved";
  EXPECT_EQ(List(filter).total, 0);
  filter.status = "pending";
  EXPECT_EQ(List(filter).total, 4);
}

TEST_P(AllChanges, RefuseAForeignCursor) {
  for (std::string cursor : {"x", "-1", "", "1x", "99999999999999999999"}) {
    EXPECT_EQ(Do([&](Store& s) { return s.AllChanges({}, 1, 5, cursor); }).error().code,
              ErrorCode::kInvalid)
        << cursor;
  }
}

}  // namespace
}  // namespace forager::store
