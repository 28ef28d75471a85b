package sign

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/git-grite/git-grite/internal/git"
)

// Key is what git would sign with under gpg.format=ssh.
type Key struct {
	// Setting is user.signingKey: the path of a private or public key, or a public
	// key itself, alone or behind "key::", whose private half is with an agent.
	Setting string
	Program string   // gpg.ssh.program; "" for ssh-keygen
	Environ []string // for the program: the agent's socket
	Prompts bool     // whether a passphrase may be asked for
}

// ErrNoProgram is wrapped when the key needs ssh-keygen and there is none.
var ErrNoProgram = errors.New("ssh-keygen was not found")

// Sign makes the function that signs with the key. A private key without a
// passphrase is used directly, and no process is started; an encrypted one, one
// with an agent and one on a security key are used through ssh-keygen.
//
// The same bytes get the same signature for as long as the function lives, also
// from a kind of key whose signatures differ each time: a record that is written
// twice has to be the same object.
func (k Key) Sign() (git.Sign, error) {
	if k.Setting == "" {
		return nil, errors.New("user.signingKey is not set")
	}
	sign := k.program
	if signer := k.direct(); signer != nil {
		sign = func(_ context.Context, message []byte) ([]byte, error) { return signDirectly(signer, message) }
	}
	var one sync.Mutex
	made := map[string][]byte{}
	return func(ctx context.Context, message []byte) ([]byte, error) {
		one.Lock()
		defer one.Unlock()
		if armored, ok := made[string(message)]; ok {
			return armored, nil
		}
		armored, err := sign(ctx, message)
		if err == nil {
			made[string(message)] = armored
		}
		return armored, err
	}, nil
}

// literal returns the public key that stands in the setting itself.
func (k Key) literal() (string, bool) {
	if key, ok := strings.CutPrefix(k.Setting, "key::"); ok {
		return key, true
	}
	return k.Setting, strings.HasPrefix(k.Setting, "ssh-")
}

// direct returns the private key, or nil where only ssh-keygen can use it.
func (k Key) direct() ssh.Signer {
	if _, literal := k.literal(); literal || k.Program != "" {
		return nil
	}
	text, err := os.ReadFile(strings.TrimSuffix(k.Setting, ".pub"))
	if err != nil {
		return nil
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil
	}
	return signer
}

func signDirectly(signer ssh.Signer, message []byte) ([]byte, error) {
	const hash = "sha512" // as ssh-keygen
	data, err := signedData(hash, message)
	if err != nil {
		return nil, err
	}
	var proof *ssh.Signature
	if rsa, ok := signer.(ssh.AlgorithmSigner); ok && signer.PublicKey().Type() == ssh.KeyAlgoRSA {
		proof, err = rsa.SignWithAlgorithm(rand.Reader, data, ssh.KeyAlgoRSASHA512)
	} else {
		proof, err = signer.Sign(rand.Reader, data)
	}
	if err != nil {
		return nil, err
	}
	content := append(bytes.Clone(magic), ssh.Marshal(signature{
		Version: 1, Key: signer.PublicKey().Marshal(), Namespace: namespace, Hash: hash, Signature: ssh.Marshal(proof),
	})...)
	return pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: content}), nil
}

// program signs with ssh-keygen, as git does.
func (k Key) program(ctx context.Context, message []byte) ([]byte, error) {
	program := k.Program
	if program == "" {
		program = "ssh-keygen"
	}
	file, args := k.Setting, []string{"-Y", "sign", "-n", namespace}
	if key, literal := k.literal(); literal {
		dir, err := os.MkdirTemp("", "git-grite-key-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		file = filepath.Join(dir, "key")
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "-U") // the private half is with an agent
	}
	cmd := exec.CommandContext(ctx, program, append(args, "-f", file)...)
	cmd.Stdin, cmd.Env = bytes.NewReader(message), k.Environ
	if !k.Prompts { // else it would ask on the terminal, whatever its standard input is
		cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], "SSH_ASKPASS_REQUIRE=force", "SSH_ASKPASS=false", "DISPLAY=")
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", ErrNoProgram, err)
	}
	words, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
	return nil, fmt.Errorf("%s cannot sign with %s: %s (%w)", program, k.Setting, words, err)
}
