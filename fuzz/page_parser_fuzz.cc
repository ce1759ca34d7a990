// Any bytes as a web page: parsed, searched and made into records, within the parser's limits.
#include "collectors/extract.h"
#include "collectors/robots.h"

using namespace forager::collectors;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first byte chooses what the server said the page is.
  constexpr const char* kTypes[] = {"text/html", "text/html; charset=utf-16",
                                    "text/html; charset=shift_jis", "application/ld+json"};
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Page page;
  page.url = *ParseUrl("https://site.example/dir/page");
  page.status = 200;
  page.content_type = kTypes[data[0] % 4];
  page.body = bytes;
  const Extraction extraction = ExtractPage(page, "");
  for (const forager::RecordEvent& record : extraction.records) {
    if (!forager::ParseEvent(forager::WriteEvent(record)).event) std::abort();
  }
  if (const auto url = ParseUrl(bytes)) {
    const auto again = ParseUrl(url->text);
    if (!again || again->text != url->text) std::abort();
  }
  ResolveUrl(page.url, bytes);
  Robots::Parse(bytes, "forager").Allows("/dir/page?x=%41");
  return 0;
}
