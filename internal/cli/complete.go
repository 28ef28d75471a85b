package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/git-grite/git-grite/internal/completions"
)

// completeVerb is how the completions of shells ask what may come next: it is
// followed by "--" and the words behind git grite, of which the last one is being
// typed. The answer is a line "words", and what it may become, each with a tab and
// a description; or a line "files" where the shell knows best. It is no command
// for people.
const completeVerb = "complete"

func newCompletion() *command {
	return &command{
		name: "completion", args: "SHELL", usage: "print the script with which a shell completes git grite",
		run: func(_ context.Context, c *call) (result, error) {
			script := ""
			if len(c.args) == 1 {
				script = completions.Scripts[c.args[0]]
			}
			if script == "" {
				return result{}, &usageError{message: "completion is for bash, zsh or fish", hint: "git grite completion bash"}
			}
			return result{data: map[string]string{"script": script}, text: func(w io.Writer) { io.WriteString(w, script) }}, nil
		},
	}
}

// completion is a command line that is being typed.
type completion struct {
	*call
	tree     []*command
	path     []*command
	last     *command // of the path, once it is one that runs
	values   texts    // of --resource
	args     []string
	cur      string // what is being typed of the word or of the value of a flag
	attached string // the flag before it in the same word, such as --ttl=

	files bool
	found []candidate
}

// candidate is what a word may become.
type candidate struct{ word, text string }

// runComplete answers. Whatever is wrong is no news here.
func runComplete(ctx context.Context, env Env, words []string) int {
	before, cur := words[:len(words)-1], words[len(words)-1]
	env.Args = append([]string{"git-grite"}, before...)
	if env.enter() != nil {
		return 0
	}
	env.Stderr = io.Discard
	k := &completion{call: &call{Env: env, out: &printer{env: env, quiet: true}}, tree: commands(), cur: cur}
	k.complete(ctx, k.read(env.Args[1:]))
	out := bufio.NewWriter(env.Stdout)
	fmt.Fprintln(out, map[bool]string{true: "files", false: "words"}[k.files])
	for _, f := range k.found {
		if word := k.attached + f.word; strings.HasPrefix(f.word, k.cur) && !strings.ContainsAny(word, "\t\r\n") {
			fmt.Fprintf(out, "%s\t%s\n", word, strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(f.text))
		}
	}
	_ = out.Flush()
	return 0
}

// read takes in what stands before the word that is being typed, and returns the
// flag whose value that is, or nil.
func (k *completion) read(before []string) (pending cli.Flag) {
	flags := common()
	for i := 0; i < len(before); i++ {
		word := before[i]
		if word == "--" && k.last != nil {
			k.args = append(k.args, before[i:]...)
			break
		}
		if strings.HasPrefix(word, "-") && word != "-" {
			found, width, err := findFlag(flags, before[i:])
			if err != nil { // it has no value yet
				if pending = flagNamed(flags, strings.TrimLeft(word, "-")); pending == nil {
					pending = flagNamed(flags, word[len(word)-1:])
				}
			}
			for _, f := range found {
				k.take(f)
			}
			i += max(1, width) - 1
			continue
		}
		group := k.tree
		switch {
		case k.last != nil:
			k.args = append(k.args, word)
			continue
		case len(k.path) > 0:
			group = k.path[len(k.path)-1].subcommands()
		}
		if c := findCommand(group, word); c != nil {
			if k.path = append(k.path, c); c.run != nil {
				k.last, flags = c, append(slices.Clone(c.flags), common()...)
			}
		}
	}
	if flag, value, ok := strings.Cut(k.cur, "="); ok && strings.HasPrefix(flag, "-") && pending == nil && !slices.Contains(k.args, "--") {
		pending, k.attached, k.cur = flagNamed(flags, strings.TrimLeft(flag, "-")), flag+"=", value
	}
	return pending
}

// take notes a flag with its value.
func (k *completion) take(flag string) {
	name, value, _ := strings.Cut(flag, "=")
	switch name {
	case "--resource":
		k.values = append(k.values, value)
	case "--actor":
		k.actor = value
	case "--data-dir":
		k.dataDir = value
	}
}

func (k *completion) complete(ctx context.Context, pending cli.Flag) {
	switch {
	case pending != nil:
		k.value(ctx, flagsOf([]cli.Flag{pending})[0].Value)
	case slices.Contains(k.args, "--"):
		k.files = true // those of another program
	case k.attached != "": // of no flag
	case strings.HasPrefix(k.cur, "-"):
		k.flags()
	case k.last == nil:
		k.commands()
	default:
		k.positional(ctx)
	}
}

func (k *completion) flags() {
	flags := common()
	switch {
	case k.last != nil:
		flags = append(slices.Clone(k.last.flags), flags...)
	case len(k.path) == 0:
		k.add("--version", "show the version")
		k.add("--no-pager", "show nothing in a pager")
		k.add("-C", "go to a directory first")
	}
	for _, f := range flagsOf(flags) {
		for _, name := range f.Names {
			k.add(name, f.Text)
		}
	}
	k.add("--help", "say what the command does")
}

func (k *completion) commands() {
	group := k.tree
	if len(k.path) > 0 {
		group = k.path[len(k.path)-1].subcommands()
	}
	for _, c := range porcelain(group) {
		k.add(c.name, c.usage)
	}
	k.add("help", "say what a command does")
}

// positional is an argument: the last word of the synopsis that is not taken yet.
func (k *completion) positional(ctx context.Context) {
	kinds := capitals(k.last.args)
	if len(kinds) == 0 {
		return
	}
	k.value(ctx, kinds[min(len(k.args), len(kinds)-1)])
}

func (k *completion) add(word, text string) { k.found = append(k.found, candidate{word, text}) }

// fixed are the words that may stand for a value where they are few.
var fixed = map[string]string{
	"DURATION": "30s 5m 15m 1h 2h 1d", "POLICY": "off warn require", "STATE": "open closed all", "FORMAT": "text github", "ACTION": "kill warn",
	"SIGNAL": "TERM INT HUP KILL USR1 USR2", "SHELL": "bash zsh fish",
}
