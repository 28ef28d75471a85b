// A client of the official SDK, which talks to "git grite mcp" as an agent does.
// It prints what it saw as one JSON object; client_test.go says what that has to be.
const { createRequire } = require("module");
const sdk = createRequire(process.env.GRITE_MANAGERS + "/");
const { Client } = sdk("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = sdk("@modelcontextprotocol/sdk/client/stdio.js");

async function connect() {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StdioClientTransport({ command: "git", args: ["grite", "mcp"], env: process.env, stderr: "inherit" });
  client.onerror = (error) => { saw.errors.push(String(error)); }; // such as a line on stdout that is not of the protocol
  await client.connect(transport);
  return client;
}

const saw = { errors: [], raced: [] };

async function call(client, name, args, options) {
  const result = await client.callTool({ name, arguments: args }, undefined, options);
  if (JSON.stringify(JSON.parse(result.content[0].text)) !== JSON.stringify(result.structuredContent)) {
    throw new Error("the text of " + name + " is not its structured content");
  }
  return { isError: result.isError === true, ...result.structuredContent };
}

async function main() {
  const [a, b] = [await connect(), await connect()];
  saw.server = a.getServerVersion().name;
  saw.instructions = a.getInstructions();
  const tools = await a.listTools();
  saw.tools = tools.tools.map((tool) => tool.name).sort();
  saw.toolsBytes = Buffer.byteLength(JSON.stringify(tools));
  saw.acquire = await call(a, "lock_acquire", { resources: ["src/"], ttl: "30m", reason: "why" });
  saw.renew = await call(a, "lock_renew", { mine: true, ttl: "1h" });
  saw.status = await call(b, "lock_status", {});
  saw.check = await call(b, "lock_check", { paths: ["src/a.go", "free"] });
  saw.conflict = await call(b, "lock_acquire", { resources: ["src/a.go"] });

  const cancel = new AbortController();
  const waiting = call(b, "lock_acquire", { resources: ["src/a.go"], wait: "1h" }, { signal: cancel.signal, timeout: 3600e3 });
  const ended = waiting.then(() => "granted", () => "cancelled");
  while (!(await call(a, "lock_status", {})).ok || !(await waits())) await new Promise((done) => setTimeout(done, 50));
  cancel.abort("enough");
  saw.cancelled = await ended;
  while (await waits()) await new Promise((done) => setTimeout(done, 50)); // until it has left the line
  saw.release = await call(a, "lock_release", { mine: true });

  for (let round = 0; round < 5; round++) {
    const both = await Promise.all([a, b].map((client) => call(client, "lock_acquire", { resources: ["one"] })));
    saw.raced.push(both.map((one) => (one.ok ? "granted" : one.error.code)).sort().join(" "));
    await Promise.all([a, b].map((client) => call(client, "lock_release", { mine: true })));
  }
  saw.unknown = await a.callTool({ name: "lock_steal", arguments: {} }).then((r) => (r.isError ? "refused" : "taken"), () => "refused");
  saw.wrong = await a.callTool({ name: "lock_acquire", arguments: { resources: 7 } }).then((r) => (r.isError ? "refused" : "taken"), () => "refused");
  saw.left = await call(a, "lock_status", {});
  await Promise.all([a.close(), b.close()]);
}

// waits reports whether somebody stands in the line of the remote.
function waits() {
  const { execFileSync } = require("child_process");
  return execFileSync("git", ["ls-remote", "origin", "refs/git-grite/waiting/*"], { encoding: "utf8" }).trim() !== "";
}

main().then(
  () => console.log(JSON.stringify(saw)),
  (error) => { console.error(error); process.exit(1); },
);
