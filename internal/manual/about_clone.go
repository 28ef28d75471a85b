package manual

// aboutClone are those of the commands that set up a clone and look after it.
var aboutClone = []About{
	{
		Name: "",
		Purpose: "Locks are leases on paths, issues or the whole repository, kept as git refs. Hooks that git grite init installs report or stop commits and pushes that touch what others have locked.\n" +
			"Flags may stand before or after arguments, and -- ends them. -C DIR before the command goes to a directory first, as in git; --no-pager turns git's pager off; --version shows the version.",
		Examples: [2]Entry{
			{"git grite init", "set up a clone: its actor, its hooks"},
			{"git grite lock acquire src/api.go --reason 'rename the handlers'", "lock a file"},
		},
	},
	{
		Name:     "init",
		Purpose:  "Sets up this clone: makes its actor, writes its configuration, installs the git hooks, looks at the remote's locks, and says what it did. It may be repeated.",
		Defaults: "The label of the actor is user.email. AGENTS.md is left alone.",
		Examples: [2]Entry{
			{"git grite init", "in each clone, once"},
			{"git grite init --label ci --no-hooks", "where nobody commits"},
		},
		Exits: Codes{0: "the clone is set up"},
	},
	{
		Name:    "deinit",
		Purpose: "Releases the locks you hold, uninstalls the hooks and deletes the files and local refs of git-grite. The issues stay, because they are not only yours.",
		Examples: [2]Entry{
			{"git grite deinit", "says what it removed"},
			{"git grite lock status --mine", "which locks it would release"},
		},
		Exits: Codes{0: "nothing of git-grite is left here but the issues"},
	},
	{
		Name:    "actor",
		Purpose: "An actor is who holds locks: 32 hex digits and a label for people. A clone has one, each linked work tree another, and GRITE_ACTOR=LABEL makes one for an agent when it takes a lock.",
		Examples: [2]Entry{
			{"git grite actor current", "who am I, and why?"},
			{"git grite actor list", "who is there in this clone?"},
		},
	},
	{
		Name:     "actor init",
		Purpose:  "Makes one more actor. It becomes the default only where there is none.",
		Defaults: "The label is user.email, followed by a number where that is taken.",
		Examples: [2]Entry{
			{"git grite actor init --label agent-7", "make one"},
			{"GRITE_ACTOR=agent-7 git grite lock acquire src/", "act as it"},
		},
		Exits: Codes{0: "made"},
	},
	{
		Name:    "actor list",
		Purpose: "Lists the actors of this clone. A star marks the one that acts here.",
		Examples: [2]Entry{
			{"git grite actor list", "for people"},
			{"git grite actor list --json", "for a program"},
		},
		Exits: Codes{0: "listed"},
	},
	{
		Name:    "actor show",
		Purpose: "Shows an actor with its directory, or the one that acts here.",
		Examples: [2]Entry{
			{"git grite actor show", "the one that acts here"},
			{"git grite actor show agent-7", "another one"},
		},
		Exits: Codes{0: "shown", 3: "there is no such actor"},
	},
	{
		Name:    "actor current",
		Purpose: "Shows who acts here and what chose it: a flag, the environment, this work tree, or the default of the clone.",
		Examples: [2]Entry{
			{"git grite actor current", "who am I?"},
			{"GRITE_ACTOR=agent-7 git grite actor current", "and under this label?"},
		},
		Exits: Codes{0: "shown", 3: "there is no such actor"},
	},
	{
		Name:     "actor use",
		Purpose:  "Makes an actor the default of this clone, or of this work tree.",
		Defaults: "It is used in the whole clone, except in work trees that have their own.",
		Examples: [2]Entry{
			{"git grite actor use agent-7", "in this clone"},
			{"git grite actor use --worktree agent-7", "in this work tree only"},
		},
		Exits: Codes{0: "it acts here from now on", 3: "there is no such actor"},
	},
	{
		Name:    "actor rm",
		Purpose: "Forgets an actor that holds nothing, also one whose work tree is gone.",
		Examples: [2]Entry{
			{"git grite actor rm agent-7", "forget it"},
			{"git grite lock release --mine --actor agent-7", "when it still holds something"},
		},
		Exits: Codes{0: "forgotten", 3: "there is no such actor", 4: "it holds locks"},
	},
	{
		Name:    "actor adopt",
		Purpose: "Gives a clone that was copied with its .git/grite the actors of the original, which must be gone for good: two clones that act as one see no conflict between them.",
		Examples: [2]Entry{
			{"git grite actor adopt", "after a clone was moved to another disk"},
			{"git grite actor current", "who am I now?"},
		},
		Exits: Codes{0: "adopted", 3: "this clone is not a copy"},
	},
	{
		Name:     "sync",
		Purpose:  "Brings the view of the remote's locks and issues up to date, confirms locks that were taken offline, and sends changes of issues.",
		Defaults: "Both directions, with the remote that grants the locks.",
		Examples: [2]Entry{
			{"git grite sync", "after working offline"},
			{"git grite sync --pull", "only look"},
		},
		Exits: Codes{0: "up to date", 4: "a lock that was taken offline is somebody else's"},
	},
	{
		Name:     "push",
		Purpose:  "Runs git push so that it lands only while your locks are still held: the lock refs move together with the branches or not at all. What follows -- goes to git push.",
		Defaults: "The push is guarded by all locks that you hold on a path that it changes, and keeps them.",
		Examples: [2]Entry{
			{"git grite push -- origin main", "guarded by what you hold"},
			{"git grite push --release -- origin HEAD", "and release the locks with it"},
		},
		Exits: Codes{0: "pushed; otherwise git push's own exit code", 3: "you hold no lock that guards it, and nothing was pushed", 6: "a lock was lost, and nothing was pushed"},
	},
	{
		Name:    "hooks",
		Purpose: "The hooks check locks before each commit and push. Hooks that were there before go on running. docs/hooks.md says more.",
		Examples: [2]Entry{
			{"git grite hooks status", "would git run them?"},
			{"git grite hooks install --agent claude", "let a coding agent check, too"},
		},
	},
	{
		Name:     "hooks install",
		Purpose:  "Puts our hooks where git looks for them, and has those of others run too; with --agent into the settings of a coding agent, with --server into a repository that is pushed to.",
		Defaults: "The pre-commit and pre-push hooks of this clone. An agent's settings are those of this repository.",
		Examples: [2]Entry{
			{"git grite hooks install", "after git grite init --no-hooks"},
			{"git grite hooks install --agent claude --user", "for one agent, in all repositories"},
		},
		Exits: Codes{0: "git runs them", 5: "the hook that is there belongs to somebody else; the lines to add are shown"},
	},
	{
		Name:     "hooks uninstall",
		Purpose:  "Removes our hooks and puts back what they replaced.",
		Defaults: "The pre-commit and pre-push hooks of this clone. An agent's settings are those of this repository.",
		Examples: [2]Entry{
			{"git grite hooks uninstall", "git's"},
			{"git grite hooks uninstall --agent claude", "an agent's"},
		},
		Exits: Codes{0: "they are gone"},
	},
	{
		Name:     "hooks status",
		Purpose:  "Shows what git would really run, in each work tree, whatever core.hooksPath and managers of hooks make of it.",
		Defaults: "The pre-commit and pre-push hooks of this clone. An agent's settings are those of this repository.",
		Examples: [2]Entry{
			{"git grite hooks status", "git's"},
			{"git grite hooks status --agent claude", "an agent's"},
		},
		Exits: Codes{0: "ours run", 4: "git runs something else, or nothing"},
	},
	{
		Name:     "hooks test",
		Purpose:  "Has git run the hooks in each work tree, without a commit or a push, and says which of them ran.",
		Defaults: "The pre-commit and pre-push hooks of this clone; one is ended after 1m.",
		Examples: [2]Entry{
			{"git grite hooks test", "do they run?"},
			{"git grite hooks test --timeout 5m", "where others' hooks are slow"},
		},
		Exits: Codes{0: "all ran", 4: "one did not"},
	},
	{
		Name: "config",
		Purpose: "Settings are in .git/grite/config.toml for this clone and, for the team, in .grite.toml at the top of the work tree, which is meant to be committed. " +
			"The clone's go before the team's, and GRITE_LOCK_POLICY before both. Other lines and comments of a file stay as they are.",
		Examples: [2]Entry{
			{"git grite config list", "all settings, and where they come from"},
			{"git grite config set --team lock_policy require", "for everybody who has the commit with it"},
		},
	},
	{
		Name:     "config get",
		Purpose:  "Shows the value of a setting, whether it is set or a default.",
		Defaults: "The value that holds here, from whichever file.",
		Examples: [2]Entry{
			{"git grite config get lock.ttl", "how long does a lease last?"},
			{"git grite config get lock.ttl --json", "where does that come from?"},
		},
		Exits: Codes{0: "shown", 3: "it has no value, or none in the team's file"},
	},
	{
		Name:     "config set",
		Purpose:  "Changes a setting, if the value is one that it may have. A list may be given as several values.",
		Defaults: "It is set in this clone.",
		Examples: [2]Entry{
			{"git grite config set hook.max_age 5m", "in this clone"},
			{"git grite config set --team lockable '*.psd' 'assets/**'", "for the team"},
		},
		Exits: Codes{0: "set"},
	},
	{
		Name:     "config unset",
		Purpose:  "Removes a setting from the file, so that the team's or the default holds. Removing what is not there is no error.",
		Defaults: "It is removed in this clone.",
		Examples: [2]Entry{
			{"git grite config unset lock.ttl", "in this clone"},
			{"git grite config unset --team lockable", "for the team"},
		},
		Exits: Codes{0: "it is not in the file"},
	},
	{
		Name:     "config list",
		Purpose:  "Shows all settings with their values, and where each comes from: a file, the environment, or the default.",
		Defaults: "All settings that there are.",
		Examples: [2]Entry{
			{"git grite config list", "for people"},
			{"git grite config list --team --json", "what the team has set, for a program"},
		},
		Exits: Codes{0: "shown"},
	},
	{
		Name:     "doctor",
		Purpose:  "Checks git, configuration, identity, hooks, locks, clock and remote, the last on refs that it deletes again, and says how to fix what is wrong.",
		Defaults: "Nothing is changed without --fix.",
		Examples: [2]Entry{
			{"git grite doctor", "what is wrong?"},
			{"git grite doctor --fix", "remove damaged records, install missing hooks"},
		},
		Exits: Codes{0: "locks and hooks do what they promise", 5: "something fails"},
	},
	{
		Name:    "mcp",
		Purpose: "Serves locks to coding agents over the Model Context Protocol, on stdin and stdout, until stdin ends. docs/agents.md says how to tell an agent of it.",
		Examples: [2]Entry{
			{"claude mcp add git-grite -- git grite mcp", "tell one agent"},
			{"git grite -C ~/src/app mcp", "serve another repository"},
		},
		Exits: Codes{0: "the agent has ended"},
	},
	{
		Name:    "completion",
		Purpose: "Prints the script with which a shell completes git grite: commands, flags, the locks you hold, actors, remotes, issues and settings. install.sh installs all three.",
		Examples: [2]Entry{
			{"source <(git grite completion bash)", "in ~/.bashrc, after git's own completion"},
			{"git grite completion fish >~/.config/fish/conf.d/git-grite.fish", "for fish, in each shell that starts"},
		},
		Exits: Codes{0: "printed"},
	},
	{
		Name: "hook",
		Purpose: "Checks locks before a commit or a push, or before a coding agent edits a file. It fails on conflicts and never on infrastructure: whatever goes wrong otherwise is a line on stderr. " +
			"The hooks and settings that git grite hooks install writes call it.",
		Defaults: "No older hook runs before it.",
		Examples: [2]Entry{
			{"git grite hook pre-commit", "what git runs before a commit"},
			{"git grite hook agent claude <event.json", "what a coding agent runs before an edit"},
		},
		Exits: Codes{0: "go on", 4: "stop: somebody else has locked what would change"},
	},
	{
		Name:     "receive",
		Purpose:  "Judges a push on the server that it arrives at: what it does to locks, and to paths that are locked. The hook that git grite hooks install --server writes calls it. docs/server.md says more.",
		Defaults: "No older hook runs before it.",
		Examples: [2]Entry{
			{"git grite hooks install --server", "writes the hook"},
			{"git grite receive <updates", "what the hook does, with lines of git on stdin"},
		},
		Exits: Codes{0: "the push may land", 1: "it may not"},
	},
	{
		Name:    "version",
		Purpose: "Shows the version, as --version does.",
		Examples: [2]Entry{
			{"git grite version", "for people"},
			{"git grite version --json", "for a program"},
		},
		Exits: Codes{0: "shown"},
	},
}
