package wire

import (
	"github.com/git-grite/git-grite/internal/issue"
	"github.com/git-grite/git-grite/internal/lock"
	"github.com/git-grite/git-grite/internal/tracker"
	"github.com/git-grite/git-grite/internal/wal"
)

// Issue is an issue as grite shows it, with the lock of the actor that has claimed it.
type Issue struct {
	ID           string      `json:"issue_id"`
	Title        string      `json:"title"`
	Body         *string     `json:"body,omitempty"` // of show
	State        issue.State `json:"state"`
	Labels       []string    `json:"labels"`
	Assignees    []string    `json:"assignees"`
	CreatedTS    uint64      `json:"created_ts"` // in milliseconds since 1970
	UpdatedTS    uint64      `json:"updated_ts"`
	CommentCount int         `json:"comment_count"`
	ClaimedBy    *Lock       `json:"claimed_by"` // null when nobody has
}

// Issue makes the object of an issue; claims may be nil.
func (r Reader) Issue(is issue.Issue, claims map[wal.IssueID]lock.Lock) Issue {
	j := Issue{ID: is.ID.String(), Title: is.Title, State: is.State, Labels: is.Labels, Assignees: is.Assignees,
		CreatedTS: is.Created, UpdatedTS: is.Updated, CommentCount: is.Comments}
	if l, ok := claims[is.ID]; ok {
		claim := r.Lock(l)
		j.ClaimedBy = &claim
	}
	return j
}

// Issues is the data of issue list.
type Issues struct {
	Issues     []Issue `json:"issues"`
	Total      int     `json:"total"`
	AsOfUnixMS int64   `json:"as_of_unix_ms"`
	Fresh      bool    `json:"fresh"`
}

// Issues makes the object of a list.
func (r Reader) Issues(v tracker.View, list []issue.Issue) Issues {
	j := Issues{Issues: make([]Issue, 0, len(list)), Total: len(list), Fresh: v.Fresh && v.LogErr == nil, AsOfUnixMS: UnixMS(v.AsOf)}
	for _, is := range list {
		j.Issues = append(j.Issues, r.Issue(is, v.Claims))
	}
	return j
}

// Event is an event of an issue as grite shows it: the kind is an object with
// one member, which is named like the kind.
type Event struct {
	ID       string         `json:"event_id"`
	IssueID  string         `json:"issue_id"`
	Actor    string         `json:"actor"`
	TSUnixMS uint64         `json:"ts_unix_ms"`
	Parent   *string        `json:"parent"`
	Kind     map[string]any `json:"kind"`
}

// IssueShown is the data of issue show.
type IssueShown struct {
	Issue  Issue   `json:"issue"`
	Events []Event `json:"events"`
}

// IssueShown makes the object of an issue with its events. One that cannot be
// read is of the kind Unknown, with its number.
func (r Reader) IssueShown(v tracker.View, is issue.Issue, events []wal.Event) IssueShown {
	j := IssueShown{Issue: r.Issue(is, v.Claims), Events: make([]Event, 0, len(events))}
	j.Issue.Body = &is.Body
	for _, e := range events {
		event := Event{ID: e.ID.String(), IssueID: e.Issue.String(), Actor: e.Actor.String(), TSUnixMS: e.Time}
		if e.Parent != nil {
			parent := e.Parent.String()
			event.Parent = &parent
		}
		if k, err := issue.Read(e); err == nil {
			event.Kind = map[string]any{k.Name(): k}
		} else {
			event.Kind = map[string]any{"Unknown": map[string]uint32{"number": e.Kind}}
		}
		j.Events = append(j.Events, event)
	}
	return j
}

// IssueChanged is the data of the commands that change an issue.
type IssueChanged struct {
	IssueID string      `json:"issue_id"`
	EventID string      `json:"event_id"`
	WALHead string      `json:"wal_head"`
	State   issue.State `json:"state,omitempty"` // of close and reopen
	Sent    bool        `json:"sent"`            // it is where others see it
	HeldBy  []Lock      `json:"held_by,omitempty"`
}

// IssueChanged makes the object of a change.
func (r Reader) IssueChanged(done tracker.Changed, state issue.State) IssueChanged {
	j := IssueChanged{IssueID: done.Issue.String(), EventID: done.Event.String(), WALHead: string(done.Log.Here), State: state, Sent: !done.Unsent}
	if done.Held != nil {
		j.HeldBy = r.Locks(done.Held.Conflicts)
	}
	return j
}

// IssueClaimed is the data of issue claim: that of acquire, and the issue.
type IssueClaimed struct {
	IssueID string `json:"issue_id"`
	Issue   Issue  `json:"issue"`
	Held
}

// IssueClaimed makes the object of a claim.
func (r Reader) IssueClaimed(done tracker.Claimed) IssueClaimed {
	id := done.Issue.ID
	return IssueClaimed{id.String(), r.Issue(done.Issue, map[wal.IssueID]lock.Lock{id: done.Grants[0].Lock}), r.Acquired(done.Grants)}
}

// NewLogSynced makes the object of a sync of the issue log.
func NewLogSynced(a wal.Appended) *LogSynced {
	return &LogSynced{Head: string(a.Here), Sent: a.Sent, Merged: a.Merged, Rewound: string(a.Rewound)}
}

// LogSynced is what a sync did to the issue log.
type LogSynced struct {
	Head    string `json:"wal_head"`
	Sent    int    `json:"sent"`              // events that only this clone had
	Merged  int    `json:"merged"`            // of them, appended to what others had added meanwhile
	Rewound string `json:"rewound,omitempty"` // the head that the remote had lost
}
