// JSON-LD as sites write it: several blocks, @graph, arrays, nested and referenced nodes, and stray
// characters. A part of structured_data.h, which is what others call.
#pragma once

#include <string_view>
#include <vector>

#include "collectors/structured_data.h"

namespace forager::collectors {

// Appends the items of one block; `where` names it. Unreadable JSON adds nothing.
void AppendJsonLd(std::string_view json, const std::string& where, std::vector<FoundItem>& items);

// "https://schema.org/House", "schema:House" -> "House".
std::string LocalName(std::string_view type);
// "HOA fee (yearly)" -> "hoa_fee_yearly".
std::string Slug(std::string_view name);
inline constexpr std::size_t kMaxItems = 2000;
inline constexpr std::size_t kMaxValues = 500;
inline constexpr std::size_t kMaxValueBytes = 8192;

}  // namespace forager::collectors
