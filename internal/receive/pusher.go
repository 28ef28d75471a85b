package receive

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/git-grite/git-grite/internal/lock"
)

// Pusher is who pushes, as far as the server knows.
type Pusher struct {
	// Login is the name that the server authenticated; "" when it did not, or
	// says nothing of it.
	Login  string
	Actor  lock.Owner // what somebody without a login says of himself; advice only
	GitLab bool
}

// logins are the variables in which servers name the pusher: GitLab, Gitea and
// Forgejo, GitHub Enterprise Server, and a web server in front of git http-backend.
var logins = []string{"GL_USERNAME", "GITEA_PUSHER_NAME", "GITHUB_USER_LOGIN", "REMOTE_USER"}

// PusherOf reads the environment of the hook. Where the server names nobody, it
// is the owner of the ssh key that sshd accepted (ExposeAuthInfo), by the
// principals that keys returns for it, else the signer of the push certificate
// when it is good and fresh, else the push option grite.actor, which anybody can
// write.
func PusherOf(getenv func(string) string, keys func(authorizedKey string) []string) Pusher {
	p := Pusher{GitLab: getenv("GL_REPOSITORY") != "" || getenv("GL_USERNAME") != ""}
	for _, name := range logins {
		if p.Login = getenv(name); p.Login != "" {
			return p
		}
	}
	if p.Login = sshPrincipal(getenv("SSH_USER_AUTH"), keys); p.Login != "" {
		return p
	}
	fresh := []string{"OK", "SLOP"} // SLOP: within receive.certNonceSlop, which smart HTTP needs
	if getenv("GIT_PUSH_CERT_STATUS") == "G" && slices.Contains(fresh, getenv("GIT_PUSH_CERT_NONCE_STATUS")) {
		p.Login = getenv("GIT_PUSH_CERT_SIGNER")
		return p
	}
	n, _ := strconv.Atoi(getenv("GIT_PUSH_OPTION_COUNT"))
	for i := range min(n, 1000) {
		if id, ok := strings.CutPrefix(getenv("GIT_PUSH_OPTION_"+strconv.Itoa(i)), "grite.actor="); ok && lock.Owner(id).Valid() {
			p.Actor = lock.Owner(id)
		}
	}
	return p
}

// sshPrincipal finds the principal of a session's key in the file that sshd
// wrote, in lines such as "publickey ssh-ed25519 AAAA…".
func sshPrincipal(file string, keys func(string) []string) string {
	if file == "" {
		return ""
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, ok := strings.CutPrefix(strings.TrimSpace(line), "publickey ")
		if !ok {
			continue
		}
		for _, list := range keys(key) {
			if name, _, _ := strings.Cut(list, ","); name != "" && !strings.ContainsAny(name, "*?!") {
				return name
			}
		}
	}
	return ""
}

// holder is the login that owner, or label where there is one, belongs to by the
// configuration, or by a pin; "" for nobody's. ok is false when these disagree.
func (j *judgement) holder(owner lock.Owner, label string) (login string, ok bool) {
	ok = true
	bind := func(to string) {
		ok = ok && (login == "" || login == to)
		login = to
	}
	for to, names := range j.Rules.Actors {
		for _, name := range names {
			if name == string(owner) || name == label || strings.HasPrefix(label, name+"/") {
				bind(to)
			}
		}
	}
	if to := j.pins[owner]; to != "" {
		bind(to)
	}
	return login, ok
}

// may reports whether the pusher may act for an owner. One that belongs to
// nobody yet is anybody's who comes first, unless all have to be listed.
func (j *judgement) may(owner lock.Owner, label string) bool {
	login, ok := j.holder(owner, label)
	switch {
	case !ok:
		return false
	case login == "" && string(owner) == j.push.Login: // the principal of a key may be an actor's id
		return true
	case login == "":
		return j.Rules.Trust != "listed"
	}
	return login == j.push.Login
}

// own reports whether a lock is one that the pusher does not have to respect.
func (j *judgement) own(l lock.Lock) bool {
	if j.claims[l.Owner] {
		return j.may(l.Owner, l.Label)
	}
	login, ok := j.holder(l.Owner, l.Label)
	return ok && j.push.Login != "" && (login == j.push.Login || login == "" && string(l.Owner) == j.push.Login)
}
