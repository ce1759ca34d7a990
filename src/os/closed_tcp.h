// Connections that were opened and closed between two looks: the kernel tells of each that ends,
// and how much it had moved, but not whose it was.
#pragma once

#include <set>

#include "os/descriptor.h"

namespace forager::os {

class ClosedTcp {
 public:
  // Listens from now on. What this process serves itself is left out.
  ClosedTcp();
  // Whether any that moved bytes ended since the last call.
  bool Take();

 private:
  Descriptor socket_;
  std::set<int> own_ports_;  // in the network's order
};

}  // namespace forager::os
