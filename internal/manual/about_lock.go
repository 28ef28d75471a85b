package manual

var aboutLock = []About{
	{
		Name: "lock",
		Purpose: "A lock says \"I am working on this\". It is a lease: it belongs to an actor, ends by itself, and can be renewed before. " +
			"Two locks of different actors that overlap are never both granted. They are kept on the remote that git grite init names, or in this clone where there is none.",
		Examples: [2]Entry{
			{"git grite lock acquire src/api/ --ttl 1h --reason 'rename it'", "lock a directory and everything below it"},
			{"git grite lock status", "see who holds what"},
		},
	},
	{
		Name: "lock acquire",
		Purpose: "Takes a lock on each resource that is named, in one step: either all are granted or none. A lock that you hold already is kept, and extended when its new end is later. " +
			"A lease of somebody else that has ended is taken over. Those who wait are served in the order in which they came.",
		Defaults: "A lease lasts lock.ttl, 15m unless it is set. Without --wait there is one try. --keep needs --while-pid or --for.",
		Examples: [2]Entry{
			{"git grite lock acquire src/api.go 'docs/**/*.md' --ttl 1h", "lock a file and all that a pattern covers"},
			{"git grite lock acquire -r issue:8057324b --wait 10m", "wait for up to ten minutes while somebody else has it"},
		},
		Exits: Codes{0: "all locks are yours", 4: "somebody else holds one; nothing was locked"},
	},
	{
		Name: "lock renew",
		Purpose: "Extends locks you hold, and never shortens one. A lease that has ended can be renewed as long as nobody else has taken the resource. " +
			"Of several, those that can be renewed are.",
		Defaults: "A lease lasts lock.ttl from now, 15m unless it is set, and keeps its reason.",
		Examples: [2]Entry{
			{"git grite lock renew src/api.go --ttl 30m", "hold it for 30 minutes from now"},
			{"git grite lock renew --mine", "renew all locks you hold"},
		},
		Exits: Codes{0: "the locks are yours until the time shown", 3: "there is no such lock", 4: "somebody else has it now"},
	},
	{
		Name: "lock release",
		Purpose: "Releases locks you hold. Do so after the push: from then on others may lock the paths, and commits on them that are not pushed yet may be stopped. " +
			"Releasing what nobody holds is no error.",
		Defaults: "The lock is released whichever grant it is; --nonce names one.",
		Examples: [2]Entry{
			{"git grite lock release src/api.go", "release one lock"},
			{"git grite lock release --mine", "release all locks you hold"},
		},
		Exits: Codes{0: "you hold none of them any more", 4: "the lock is somebody else's, or another grant than --nonce names"},
	},
	{
		Name:     "lock break",
		Purpose:  "Removes a lock of somebody else who cannot be asked. The holder is told by their next command or commit, with the reason. The nonce makes sure that it is this lock and no later one.",
		Defaults: "None: --resource, --nonce and --reason have to be given.",
		Examples: [2]Entry{
			{"git grite lock status --json src/api.go", "shows the nonce"},
			{"git grite lock break -r path:src/api.go --nonce N --reason 'on leave'", "removes that grant"},
		},
		Exits: Codes{0: "the lock is gone", 3: "there is no such lock", 4: "the nonce is not that of the present lock"},
	},
	{
		Name: "lock ask",
		Purpose: "Asks the holder of what is in the way of a resource. The holder is told by their next command, commit or edit; their answer, a new reason of the lock, or its release is what you " +
			"are shown. One question per lock: asking again replaces it. It ends with the lock.",
		Defaults: "It does not wait: the answer is told by your next command. --message is one line of at most 500 bytes.",
		Examples: [2]Entry{
			{"git grite lock ask src/api.go --message 'may I have it?'", "ask and go on"},
			{"git grite lock ask src/api.go --message 'how long?' --wait 5m", "wait for the answer"},
		},
		Exits: Codes{0: "asked, or answered with --wait", 3: "nobody else holds it", 4: "nobody answered in time", 5: "the remote cannot be reached or takes no notes"},
	},
	{
		Name:     "lock answer",
		Purpose:  "Answers those who ask about a lock you hold. They are told by their next command, or at once while they wait. Releasing the lock, or renewing it with --reason, is an answer too.",
		Defaults: "Everybody who asked about the lock and has no answer yet is answered.",
		Examples: [2]Entry{
			{"git grite lock answer src/api.go --message 'at noon'", "answer all who asked"},
			{"git grite lock answer src/ --to bob@example.com --message 'now'", "answer one, also once more"},
		},
		Exits: Codes{0: "answered", 3: "you hold no such lock, or nobody asks about it", 5: "the remote cannot be reached or takes no notes"},
	},
	{
		Name:    "lock status",
		Purpose: "Shows who holds what and for how long. A PATH or RESOURCE selects each lock that would conflict with a lock on it: those on directories above, on patterns, on files below.",
		Defaults: "All locks are shown that have not ended. The remote is asked for up to five seconds; when it does not answer, the last view is shown with its age. " +
			"--watch asks every 5s.",
		Examples: [2]Entry{
			{"git grite lock status src/api.go", "what covers this file?"},
			{"git grite lock status --mine --json", "the locks you hold, for a program"},
		},
		Exits: Codes{0: "shown, also when there are none", 5: "the remote cannot be reached and was never seen"},
	},
	{
		Name:    "lock check",
		Purpose: "Reports which paths are locked by others, and which must be locked before they are changed, as the hooks do. The paths are named, read from stdin, or those of a commit, or of a range of commits.",
		Defaults: "Settings judge: lock_policy, lockable. --range takes the team's settings from A. The remote is asked for up to five seconds. " +
			"--remote is the one that grants the locks, --format is text.",
		Examples: [2]Entry{
			{"git grite lock check --staged", "would my commit collide?"},
			{"git grite lock check --range origin/main..HEAD --as me@example.com", "would a push of these commits? For CI"},
		},
		Exits: Codes{0: "nothing collides", 4: "a path is locked by somebody else, whatever the policy", 5: "the locks are not known"},
	},
	{
		Name:    "lock gc",
		Purpose: "Removes expired locks and damaged records, here and on the remote. Nothing depends on it: expired locks block nobody.",
		Examples: [2]Entry{
			{"git grite lock gc", "clean up"},
			{"git grite lock gc --json", "and tell a program how many there were"},
		},
		Exits: Codes{0: "done"},
	},
	{
		Name:     "lock log",
		Purpose:  "Shows what this clone did and saw: locks granted, renewed, released, waited for, refused, lost and broken, with times.",
		Defaults: "All of the log is shown, which has about 1 MiB.",
		Examples: [2]Entry{
			{"git grite lock log -n 20", "the last entries"},
			{"git grite lock log -r path:src/api.go --since 7d", "what became of one lock in a week"},
		},
		Exits: Codes{0: "shown"},
	},
	{
		Name:     "lock report",
		Purpose:  "Writes a self-contained page of HTML: who holds what, and a timeline of leases, waits, refusals and breaks as this clone saw them.",
		Defaults: "The page goes to stdout and begins where the log does.",
		Examples: [2]Entry{
			{"git grite lock report --html locks.html --since 7d", "the last week"},
			{"git grite lock report | mail -s locks team@example.com", "send it"},
		},
		Exits: Codes{0: "written"},
	},
	{
		Name: "lock run",
		Purpose: "Takes locks, runs a command while it holds them, and releases them. The lease is renewed in time; when it cannot be, the command is stopped before the lease ends. " +
			"The command finds GRITE_LOCK_RESOURCE, GRITE_LOCK_NONCE and more in its environment. docs/run.md has deployments, migrations and cron.",
		Defaults: "A lease lasts lock.ttl, 15m unless it is set. Without --wait there is one try. --on-lost is kill, --conflict-exit-code is 4.",
		Examples: [2]Entry{
			{"git grite lock run repo:deploy --wait 10m -- ./deploy.sh", "one deployment at a time"},
			{"git grite lock run db/ --conflict-exit-code 0 -- make migrate", "do nothing when somebody else is doing it"},
		},
		Exits: Codes{0: "the command's own exit code, whatever it is", 4: "somebody else holds a lock; the command did not run", 6: "the lock was lost and the command stopped"},
	},
	{
		Name:    "lock keep",
		Purpose: "Has locks you hold renewed by a process in the background, one for each actor. It ends by itself.",
		Examples: [2]Entry{
			{"git grite lock keep start --mine --for 2h", "for two hours, then they are released"},
			{"git grite lock keep stop", "renew them no longer"},
		},
	},
	{
		Name:     "lock keep start",
		Purpose:  "Has locks you hold renewed in the background as long as a process runs or for a while, and then released.",
		Defaults: "None: --mine or resources, and --while-pid or --for, have to be given. Without --signal the process is not told of a loss.",
		Examples: [2]Entry{
			{"git grite lock keep start --mine --while-pid $$", "as long as this shell runs"},
			{"git grite lock keep start src/ --for 2h", "for two hours"},
		},
		Exits: Codes{0: "they are renewed from now on", 3: "you hold no such lock", 4: "somebody else holds it"},
	},
	{
		Name:    "lock keep stop",
		Purpose: "Ends the process that renews your locks in the background. The locks stay until their leases end.",
		Examples: [2]Entry{
			{"git grite lock keep stop", "renew nothing in the background any more"},
			{"git grite lock keep stop --actor agent-7", "that of another actor of this clone"},
		},
		Exits: Codes{0: "nothing is renewed in the background any more"},
	},
	{
		Name:    "lock keep status",
		Purpose: "Shows which locks of this clone are renewed in the background, until when, by which process, and how the last renewal went.",
		Examples: [2]Entry{
			{"git grite lock keep status", "for people"},
			{"git grite lock keep status --json", "for a program"},
		},
		Exits: Codes{0: "shown"},
	},
}
