#!/bin/sh
# A collector in shell: reads one job from stdin, says what it finds on stdout, one JSON object a line.
#
# In forager.toml:
#     [types.company]
#     collector = "command"
#     command = ["sh", "examples/collector.sh"]
#
# Exit 0 without a result means completed; any other exit means crashed, and forager tries again.
set -eu

read -r job
query=$(printf '%s' "$job" | sed -n 's/.*"search_query" *: *"\([^"\\]*\)".*/\1/p')
if [ -z "$query" ]; then
  echo '{"type":"result","status":"failed","error":"A search_query is needed","retryable":false}'
  exit 0
fi
count=0
for word in $query; do
  count=$((count + 1))
  printf '{"type":"record","entity":{"name":"%s"},"confidence":0.9}\n' "$word"
  printf '{"type":"progress","percent":%d,"stage":"reading","message":"%s"}\n' $((count * 10 % 100)) "$word"
done
echo "read $count words" >&2
