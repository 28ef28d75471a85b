package git

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
)

// Scratch makes a bare repository in dir, which must not exist, that knows the
// objects of r and is of the same format. Its hooks are those of hooksDir; r's
// own refs, settings and environment have no part in it.
func (r *Repo) Scratch(ctx context.Context, dir, hooksDir string) (*Repo, error) {
	out, err := r.read(ctx, "rev-parse", "--show-object-format")
	if err != nil {
		return nil, err
	}
	env := Elsewhere(r.raw)
	bare := &Repo{dir: filepath.Dir(dir), env: environment(env), raw: env}
	format := "--object-format=" + string(bytes.TrimSpace(out))
	if _, err := bare.run(ctx, command{args: []string{"init", "--quiet", "--bare", "--template=", format, dir}}); err != nil {
		return nil, err
	}
	if _, err := bare.run(ctx, command{dir: dir, args: []string{"config", "core.hooksPath", hooksDir}}); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "objects", "info"), 0o777); err != nil {
		return nil, err
	}
	objects := filepath.Join(r.CommonDir, "objects") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "objects", "info", "alternates"), []byte(objects), 0o666); err != nil {
		return nil, err
	}
	return Open(ctx, dir, env)
}
