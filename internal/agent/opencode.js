// git-grite's plugin for OpenCode: made by "git grite hooks install --agent opencode", removed by "… uninstall …".
// It asks git-grite before each edit; without git-grite on PATH, and when it fails, edits go ahead.
import { spawnSync } from "node:child_process"

export const GitGrite = async ({ directory }) => {
  const ask = (event, session, tool, input) => {
    const stdin = JSON.stringify({ hook_event_name: event, session_id: session, cwd: directory, tool_name: tool, tool_input: input })
    const run = spawnSync("git-grite", ["hook", "agent", "opencode"], { input: stdin, cwd: directory, encoding: "utf8", timeout: 10000 })
    try { return JSON.parse(run.stdout) ?? {} } catch { return {} } // null when it could not be started
  }
  const notes = new Map() // what the model is told with the result of the call
  return {
    "tool.execute.before": async (call, output) => {
      const answer = ask("tool.execute.before", call.sessionID, call.tool, output.args)
      if (answer.decision === "deny") throw new Error(answer.reason)
      if (answer.hookSpecificOutput) notes.set(call.callID, answer.hookSpecificOutput.additionalContext)
    },
    "tool.execute.after": async (call, output) => {
      if (notes.has(call.callID)) output.output += "\n" + notes.get(call.callID)
      notes.delete(call.callID)
    },
    "shell.env": async (call, output) => { if (call.sessionID) output.env.OPENCODE_SESSION_ID = call.sessionID },
    event: async ({ event }) => {
      if (event.type === "session.created" || event.type === "session.deleted") ask(event.type, event.properties?.info?.id)
    },
  }
}
