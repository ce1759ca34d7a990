#include "app/demo_site.h"

#include <utility>

#include "app/Demo204LarkspurLane.h"
#include "app/DemoBrightwaterHomes.h"
#include "app/DemoGrandOpening.h"
#include "app/DemoIndex.h"
#include "app/DemoLarkspurRidge.h"
#include "app/DemoMiguelArroyo.h"
#include "app/DemoPecanCrossing.h"
#include "app/DemoPlan2140.h"
#include "app/DemoPriceList.h"
#include "app/DemoQuickMoveIn.h"
#include "app/DemoRobotsTxt.h"
#include "app/DemoStonefieldHomes.h"
#include "app/DemoTeamWillowBend.h"
#include "app/DemoTheLaurelPlan.h"
#include "app/DemoWillowBend.h"

namespace forager::app {

std::optional<std::string_view> DemoPage(std::string_view path) {
  const std::pair<std::string_view, std::string_view> pages[] = {
      {"/", kDemoIndex},
      {"/robots.txt", kDemoRobotsTxt},
      {"/communities/willow-bend", kDemoWillowBend},
      {"/communities/larkspur-ridge", kDemoLarkspurRidge},
      {"/communities/pecan-crossing", kDemoPecanCrossing},
      {"/builders/brightwater-homes", kDemoBrightwaterHomes},
      {"/builders/stonefield-homes", kDemoStonefieldHomes},
      {"/homes/plan-2140", kDemoPlan2140},
      {"/homes/204-larkspur-lane", kDemo204LarkspurLane},
      {"/homes/the-laurel-plan", kDemoTheLaurelPlan},
      {"/homes/quick-move-in", kDemoQuickMoveIn},
      {"/team/willow-bend", kDemoTeamWillowBend},
      {"/team/miguel-arroyo", kDemoMiguelArroyo},
      {"/news/grand-opening", kDemoGrandOpening},
      {"/private/price-list", kDemoPriceList},
  };
  for (const auto& [known, body] : pages) {
    if (known == path) return body;
  }
  return std::nullopt;
}

}  // namespace forager::app
