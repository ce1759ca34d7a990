// Who showed something to be let in and stays: the reader of an event stream, one that waits for a
// job. It goes when its token or session is over.
#pragma once

#include <compare>
#include <string>

#include "store/store.h"

namespace forager::api {

struct Reader {
  std::string caller;  // as Caller::key
  store::Credential shown;
  auto operator<=>(const Reader&) const = default;
};

}  // namespace forager::api
