package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/git-grite/git-grite/"

// floors says what each package may import of this module and of others; the
// standard library is free. docs/architecture.md has the same table in words.
var floors = map[string][]string{
	"cmd/git-grite":       {"internal/cli"},
	"internal/cli":        {"internal/protocol", "internal/config", "internal/hook", "internal/guard", "internal/refstore", "internal/lock", "internal/git", "github.com/urfave/cli/v2", "github.com/google/uuid", "golang.org/x/term"},
	"internal/config":     {"internal/lock", "internal/guard", "github.com/BurntSushi/toml"},
	"internal/hook":       {"internal/git", "hooks"},
	"internal/guard":      {"internal/lock"},
	"internal/refstore":   {"internal/lock", "internal/protocol", "internal/git", "internal/atomicfile", "github.com/gofrs/flock"},
	"internal/protocol":   {"internal/lock"},
	"internal/atomicfile": {},
	"internal/lock":       {"internal/glob"},
	"internal/glob":       {"github.com/bmatcuk/doublestar/v4", "golang.org/x/text/unicode/norm"},
	"internal/git":        {"internal/git/direct"},
	"internal/git/direct": {},
	"internal/gittest":    {},
	"internal":            {},
	"hooks":               {},
	"bench":               nil, // measures everything
}

// forbidden are calls that only the named packages may make: the others neither
// exit nor print nor read the environment or the clock.
var forbidden = map[string][]string{
	"os.Exit":            {"cmd/git-grite"},
	"os.Getenv":          {},
	"os.Environ":         {"internal/cli"},
	"time.Now":           {"internal/cli"},
	"context.Background": {"cmd/git-grite"},
	"fmt.Print":          {}, "fmt.Printf": {}, "fmt.Println": {},
}

func TestFloors(t *testing.T) {
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		pkg := strings.TrimPrefix(path.Dir(filepath.ToSlash(file)), "../")
		allowed, known := floors[pkg]
		if !known {
			t.Errorf("%s is on no floor: add it to the table here and in docs/architecture.md", pkg)
			return nil
		}
		if allowed == nil {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			name = strings.TrimPrefix(name, module)
			foreign := strings.Contains(strings.Split(name, "/")[0], ".") || strings.HasPrefix(spec.Path.Value[1:], module)
			if foreign && !slices.Contains(allowed, name) {
				t.Errorf("%s imports %s, which its floor does not allow", file, name)
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil {
					call := x.Name + "." + sel.Sel.Name
					if only, ok := forbidden[call]; ok && !slices.Contains(only, pkg) && pkg != "internal/gittest" {
						t.Errorf("%s uses %s", file, call)
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
