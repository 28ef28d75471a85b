package internal

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/git-grite/git-grite/"

// floor says what a package may import of this module and of others, and why no
// more; the standard library is free.
type floor struct {
	may []string
	why string
}

// floors has a row for each package. docs/architecture.md has the same table in
// words.
var floors = map[string]floor{
	"cmd/git-grite": {[]string{"internal/cli", "internal/signals"}, "main starts and ends the process, nothing else"},
	"cmd/git-grite-mcp": {[]string{"internal/cli", "internal/signals", "github.com/modelcontextprotocol/go-sdk/mcp"},
		"its tools are commands, and only it is linked with the protocol"},
	"internal/cli": {[]string{
		"internal/wire", "internal/check", "internal/clone", "internal/journal", "internal/protocol", "internal/refstore", "internal/config", "internal/hook",
		"internal/guard", "internal/lock", "internal/git", "internal/atomicfile", "internal/agent", "internal/tracker", "internal/issue", "internal/wal", "internal/hold", "internal/keep", "internal/watch", "internal/timeline", "internal/fence", "internal/receive", "internal/sign", "internal/vouch", "internal/ask", "internal/note", "github.com/urfave/cli/v2", "golang.org/x/term",
		"internal/manual", "internal/completions", "internal/signals",
	}, "flags and words: the only package that knows urfave/cli"},
	"internal/hold":     {[]string{"internal/clone", "internal/config", "internal/keep", "internal/lock"}, "renews a clone's locks for keep, which knows no locks"},
	"internal/wire":     {[]string{"internal/check", "internal/clone", "internal/hold", "internal/keep", "internal/guard", "internal/lock", "internal/tracker", "internal/issue", "internal/wal", "internal/ask", "internal/note"}, "objects are made of results, so it knows these and no source of them"},
	"internal/check":    {[]string{"internal/clone", "internal/config", "internal/refstore", "internal/lock", "internal/guard", "internal/hook", "internal/git", "internal/atomicfile"}, "finds paths and lets guard judge"},
	"internal/clone":    {[]string{"internal/config", "internal/journal", "internal/keep", "internal/protocol", "internal/refstore", "internal/vouch", "internal/note", "internal/lock", "internal/git", "internal/atomicfile"}, "no flags, no words, no paths to be committed"},
	"internal/journal":  {[]string{"internal/lock", "internal/atomicfile"}, "a file of events, whatever made them happen"},
	"internal/config":   {[]string{"internal/lock", "internal/guard", "internal/atomicfile", "github.com/BurntSushi/toml"}, "reads files; values go down as plain values"},
	"internal/hook":     {[]string{"internal/git", "internal/atomicfile", "hooks"}, "installs hooks without knowing what a lock is"},
	"internal/refstore": {[]string{"internal/protocol", "internal/parts", "internal/stamp", "internal/summed", "internal/filelock", "internal/lock", "internal/git", "internal/atomicfile"}, "keeps records and decides nothing"},
	"internal/parts":    {nil, "pure numbers"},
	"internal/signals":  {nil, "a context, whoever works under it"},
	"internal/stamp":    {[]string{"golang.org/x/sys/unix"}, "a directory, whatever is in it"},
	"internal/filelock": {[]string{"internal/protocol", "internal/atomicfile", "internal/signals", "github.com/gofrs/flock"}, "a file, whatever it stands for"},
	"internal/summed":   {[]string{"internal/atomicfile"}, "a format"},
	"internal/protocol": {[]string{"internal/lock"}, "moves a table of which it does not know where it is kept"},
	"internal/guard":    {[]string{"internal/lock"}, "pure judgement"},
	"internal/lock":     {[]string{"internal/glob"}, "pure rules"},
	"internal/glob": {[]string{"github.com/bmatcuk/doublestar/v4", "golang.org/x/text/unicode/norm"},
		"patterns, without knowing what they are for"},
	"internal/keep":        {[]string{"golang.org/x/sys/unix", "golang.org/x/sys/windows", "golang.org/x/term", "internal/atomicfile", "github.com/gofrs/flock"}, "holds what it is given; how a lease is renewed is handed in"},
	"internal/watch":       {[]string{"golang.org/x/term"}, "a screen, without knowing where locks come from"},
	"internal/timeline":    {nil, "a page of events"},
	"internal/completions": {nil, "scripts for shells, which ask cli"},
	"internal/manual":      {nil, "words and their layout, without the commands that they are about"},
	"internal/manual/make": {[]string{"internal/cli"}, "writes man pages into the repository"},
	"internal/vet":         {[]string{"golang.org/x/tools/go/analysis/multichecker", "golang.org/x/tools/go/analysis/suite/vet"}, "checks the sources as they are for other systems"},
	"internal/fence":       {[]string{"internal/git"}, "which locks guard a push is its caller's"},
	"internal/note":        {[]string{"internal/lock", "internal/git"}, "what is asked about a lock, whoever asks"},
	"internal/ask":         {[]string{"internal/clone", "internal/note", "internal/protocol", "internal/lock", "internal/git"}, "asks and answers; who is told is clone's"},
	"internal/receive":     {[]string{"internal/config", "internal/guard", "internal/refstore", "internal/note", "internal/lock", "internal/git"}, "no clone: a server has no actor"},
	"internal/sign":        {[]string{"internal/git", "internal/atomicfile", "golang.org/x/crypto/ssh", "golang.org/x/crypto/ssh/agent"}, "the only one that reads keys"},
	"internal/vouch":       {[]string{"internal/sign", "internal/protocol", "internal/lock", "internal/git"}, "what signatures count, without knowing where records are kept"},
	"internal/agent":       {nil, "reads and answers what agents send; judgement is handed in"},
	"internal/tracker":     {[]string{"internal/clone", "internal/guard", "internal/issue", "internal/wal", "internal/lock", "internal/git", "internal/atomicfile"}, "brings issues and locks together; no flags, no words"},
	"internal/issue":       {[]string{"internal/wal", "internal/cbor", "internal/git"}, "events to issues, pure, and the log that they come from"},
	"internal/wal":         {[]string{"internal/git", "internal/cbor", "golang.org/x/crypto/blake2b"}, "an append-only ref, whatever the events mean"},
	"internal/cbor":        {nil, "a format"},
	"internal/git":         {[]string{"internal/git/direct", "internal/atomicfile", "internal/signals"}, "the only package that runs git"},
	"internal/git/direct":  {[]string{"internal/atomicfile"}, "reads what git keeps, without git"},
	"internal/atomicfile":  {nil, "one temporary file and one rename, and one read of such a file"},
	"internal/gittest":     {nil, "worlds for tests of any package"},
	"internal":             {nil, "this test"},
	"hooks":                {nil, "the shims, embedded"},
	"bench":                {[]string{"*"}, "measures everything"},
}

// forbidden are calls that only the named packages may make: the others neither
// exit nor print nor read the environment or the clock.
var forbidden = map[string][]string{
	"os.Exit":            {"cmd/git-grite", "cmd/git-grite-mcp"},
	"os.Getenv":          {},
	"os.Environ":         {"internal/cli"},
	"time.Now":           {"internal/cli"},
	"context.Background": {"cmd/git-grite", "cmd/git-grite-mcp"},
	"fmt.Print":          {}, "fmt.Printf": {}, "fmt.Println": {},
}

// The bars: nothing grows beyond what somebody can read in one sitting.
const (
	maxFile     = 300
	maxFunction = 80
	maxPackage  = 2000
	cliShare    = 4 // cli is at most a quarter of the product
)

// larger are packages above maxPackage, or with a bar of their own, and why; see
// docs/adr/0032-bars-that-are-kept.md.
var larger = map[string]int{
	"internal/git":        3700, // every verb of git in one package, so that one runner starts it
	"internal/clone":      2500, // all verbs of a clone, which every caller shares
	"internal/git/direct": 1300, // what is done without git is kept small on purpose
	"internal/cli":        9000, // one flat package, a file per verb; its share is what counts
}

// source is a file of the product.
type source struct {
	name, pkg string
	lines     int
	parsed    *ast.File
	set       *token.FileSet
}

// product parses everything but tests.
func product(t *testing.T) (files []source) {
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s := source{name: file, pkg: strings.TrimPrefix(path.Dir(filepath.ToSlash(file)), "../"), lines: bytes.Count(text, []byte("\n")), set: token.NewFileSet()}
		s.parsed, err = parser.ParseFile(s.set, file, text, 0)
		files = append(files, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFloors(t *testing.T) {
	for _, s := range product(t) {
		row, known := floors[s.pkg]
		if !known {
			t.Errorf("%s is on no floor: add it to the table here and in docs/architecture.md", s.pkg)
			continue
		}
		for _, spec := range s.parsed.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			foreign := strings.Contains(strings.Split(name, "/")[0], ".")
			name = strings.TrimPrefix(name, module)
			if foreign && !slices.Contains(row.may, name) && !slices.Contains(row.may, "*") {
				t.Errorf("%s imports %s, which its floor does not allow: %s", s.name, name, row.why)
			}
		}
		ast.Inspect(s.parsed, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil {
					call := x.Name + "." + sel.Sel.Name
					if only, ok := forbidden[call]; ok && !slices.Contains(only, s.pkg) && s.pkg != "internal/gittest" && s.pkg != "bench" {
						t.Errorf("%s uses %s", s.name, call)
					}
				}
			}
			return true
		})
	}
}

func TestBars(t *testing.T) {
	lines := map[string]int{}
	all := 0
	for _, s := range product(t) {
		if s.pkg == "internal/gittest" || s.pkg == "bench" {
			continue
		}
		lines[s.pkg] += s.lines
		all += s.lines
		if s.lines > maxFile {
			t.Errorf("%s has %d lines; %d are allowed", s.name, s.lines, maxFile)
		}
		for _, d := range s.parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if n := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1; n > maxFunction {
					t.Errorf("%s: %s has %d lines; %d are allowed", s.name, f.Name.Name, n, maxFunction)
				}
			}
		}
	}
	for pkg, n := range lines {
		most, ok := larger[pkg]
		if !ok {
			most = maxPackage
		}
		if n > most {
			t.Errorf("%s has %d lines; %d are allowed", pkg, n, most)
		}
	}
	if n := lines["internal/cli"]; n*cliShare > all {
		t.Errorf("cli has %d of %d lines; a quarter is allowed", n, all)
	}
	t.Logf("%d lines: %v", all, lines)
}
