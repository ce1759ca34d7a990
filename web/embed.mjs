// Writes what Vite built as one C++ source: node embed.mjs DIST OUT.cc. Run by cmake/dashboard.cmake.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const [dist, out] = process.argv.slice(2);

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    })
    .sort();
}

function constant(name, bytes) {
  return `constexpr unsigned char ${name}[] = {${[...bytes, 0].join(',')}};\n`;
}

let constants = '';
let rows = '';
for (const [index, path] of filesIn(dist).entries()) {
  const body = readFileSync(path);
  const packed = gzipSync(body, { level: 9 });
  const gzip = packed.length < body.length ? packed : Buffer.alloc(0);
  const etag = createHash('sha256').update(body).digest('hex').slice(0, 24);
  constants += constant(`kBody${index}`, body) + constant(`kGzip${index}`, gzip);
  rows +=
    `      {"/${relative(dist, path)}", Text(kBody${index}, ${body.length}), ` +
    `Text(kGzip${index}, ${gzip.length}), "${etag}"},\n`;
}

writeFileSync(
  out,
  `#include "dashboard/files.h"

namespace forager::dashboard {
namespace {

${constants}
std::string_view Text(const unsigned char* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::span<const File> Files() {
  static const File files[] = {
${rows}  };
  return files;
}

}  // namespace forager::dashboard
`,
);
