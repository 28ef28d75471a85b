package manual

// changeExits are the exit codes of a change of an issue.
var changeExits = Codes{0: "changed", 3: "there is no such issue", 4: "somebody else has locked it, and the policy is require"}

var aboutIssue = []About{
	{
		Name:    "issue",
		Purpose: "Keeps issues in refs/grite/wal, an append-only log, on the remote that grants the locks. Holding the lock on issue:ID claims that issue.",
		Examples: [2]Entry{
			{"git grite issue list --unclaimed", "what there is to do"},
			{"git grite issue claim --label todo --ttl 30m", "take the oldest of it"},
		},
	},
	{
		Name:     "issue create",
		Purpose:  "Opens an issue.",
		Defaults: "Without --body git's editor opens on a terminal; elsewhere the body is empty.",
		Examples: [2]Entry{
			{"git grite issue create --title 'Slow start' --label bug", "write the text in an editor"},
			{"git log -1 | git grite issue create --title 'Look at this' --body -", "read it from stdin"},
		},
		Exits: Codes{0: "opened"},
	},
	{
		Name:     "issue list",
		Purpose:  "Lists issues, with their labels and who has claimed them.",
		Defaults: "Open issues are listed. The remote is asked for up to five seconds; when it does not answer, the last view is shown with its age.",
		Examples: [2]Entry{
			{"git grite issue list --label todo --unclaimed", "what a worker may take"},
			{"git grite issue list --state all --json", "everything, for a program"},
		},
		Exits: Codes{0: "listed, also when there are none"},
	},
	{
		Name:     "issue show",
		Purpose:  "Shows an issue with its comments, and who has claimed it.",
		Defaults: "The remote is asked for up to five seconds; when it does not answer, the issue is shown as last seen.",
		Examples: [2]Entry{
			{"git grite issue show 8057", "the beginning of its id is enough"},
			{"git grite issue show 8057324b --json", "with all of its events"},
		},
		Exits: Codes{0: "shown", 3: "there is no such issue"},
	},
	{
		Name:     "issue comment",
		Purpose:  "Adds a comment to an issue.",
		Defaults: "Without --body git's editor opens on a terminal.",
		Examples: [2]Entry{
			{"git grite issue comment 8057 --body 'Working on this'", "say something"},
			{"make test 2>&1 | git grite issue comment 8057 --body -", "read it from stdin"},
		},
		Exits: changeExits,
	},
	{
		Name:     "issue close",
		Purpose:  "Closes an issue. Close it before you release its lock, so that no other worker takes it again.",
		Defaults: "The change is sent to the remote at once.",
		Examples: [2]Entry{
			{"git grite issue close 8057", "it is done"},
			{"git grite issue close 8057 --offline", "without a network; git grite sync sends it"},
		},
		Exits: changeExits,
	},
	{
		Name:     "issue reopen",
		Purpose:  "Opens a closed issue again.",
		Defaults: "The change is sent to the remote at once.",
		Examples: [2]Entry{
			{"git grite issue reopen 8057", "it was not done"},
			{"git grite issue list --state closed", "which are closed?"},
		},
		Exits: changeExits,
	},
	{
		Name:    "issue label",
		Purpose: "Changes the labels of an issue. A label is any short text.",
		Examples: [2]Entry{
			{"git grite issue label add 8057 --label todo", "add one"},
			{"git grite issue label remove 8057 --label todo", "remove it"},
		},
	},
	{
		Name:     "issue label add",
		Purpose:  "Adds labels to an issue.",
		Defaults: "None: at least one --label has to be given.",
		Examples: [2]Entry{
			{"git grite issue label add 8057 --label todo", "add one"},
			{"git grite issue label add 8057 --label todo --label bug", "add two"},
		},
		Exits: changeExits,
	},
	{
		Name:     "issue label remove",
		Purpose:  "Removes labels from an issue.",
		Defaults: "None: at least one --label has to be given.",
		Examples: [2]Entry{
			{"git grite issue label remove 8057 --label todo", "remove one"},
			{"git grite issue show 8057", "which does it have?"},
		},
		Exits: changeExits,
	},
	{
		Name:     "issue update",
		Purpose:  "Changes the title or the text of an issue.",
		Defaults: "Without --title and --body git's editor opens with the present text, on a terminal.",
		Examples: [2]Entry{
			{"git grite issue update 8057 --title 'Slow start on macOS'", "another title"},
			{"git grite issue update 8057", "edit the text"},
		},
		Exits: changeExits,
	},
	{
		Name: "issue claim",
		Purpose: "Locks an open issue, or the oldest that nobody has claimed, to work on it. Any number of workers may claim at the same time: each issue goes to one of them. " +
			"Close the issue before you release its lock.",
		Defaults: "A lease lasts lock.ttl, 15m unless it is set.",
		Examples: [2]Entry{
			{"git grite issue claim --label todo --ttl 30m --json", "what a worker does in a loop"},
			{"git grite issue claim 8057", "this one"},
		},
		Exits: Codes{0: "it is yours", 3: "there is no such issue, or none that nobody has claimed", 4: "somebody else has claimed it, or it is closed"},
	},
}
