#!/usr/bin/env node
// A collector for Node: reads one job from stdin, says what it finds on stdout, one JSON object a line.
//
// In forager.toml:
//     [types.company]
//     collector = "command"
//     command = ["node", "examples/collector.js"]
'use strict';

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');

async function readJob() {
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return JSON.parse(text.split('\n')[0]);
}

async function main() {
  const job = await readJob();
  const words = (job.search_query || '').split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    say({type: 'result', status: 'failed', error: 'A search_query is needed', retryable: false});
    return;
  }
  say({type: 'log', level: 'INFO', message: `Looking for ${words.length} companies`});
  words.forEach((word, index) => {
    say({type: 'record', entity: {name: word}, confidence: 0.9, evidence: {quote: word}});
    say({type: 'progress', percent: (100 * (index + 1)) / words.length, stage: 'reading', message: word});
  });
  say({type: 'result', status: 'completed'});
}

main();
