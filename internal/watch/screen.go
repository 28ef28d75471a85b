package watch

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/term"
)

// Screen is a model on a terminal.
type Screen struct {
	In, Out *os.File // the terminal
	Title   string
	Style   Style
	Now     func() time.Time
	// Look returns the locks. It is called again and again, one call at a time.
	Look     func(ctx context.Context) Look
	Interval time.Duration // between two looks
}

// What the terminal is told: the other screen and no cursor, and back.
const (
	enter = "\x1b[?1049h\x1b[?25l"
	leave = "\x1b[?25h\x1b[?1049l"
)

// Run shows the screen until q, Ctrl-C, or ctx is done, and leaves the terminal
// as it was. The error is that of the terminal, or the cause of ctx.
func (s Screen) Run(ctx context.Context) error {
	state, err := term.MakeRaw(int(s.In.Fd()))
	if err != nil {
		return err
	}
	restore := func() {
		_, _ = s.Out.WriteString(leave)
		_ = term.Restore(int(s.In.Fd()), state)
	}
	defer restore()
	looking, stop := context.WithCancel(ctx)
	defer stop()
	looks, pressed, more := make(chan Look), make(chan []byte), make(chan struct{})
	go s.look(looking, looks)
	go s.read(looking, pressed, more)
	resized := make(chan os.Signal, 1)
	notifyResized(resized)
	defer signal.Stop(resized)

	m, last, rest := &Model{Title: s.Title}, enter, []byte(nil)
	if _, err := s.Out.WriteString(enter); err != nil {
		return err
	}
	for {
		if err := s.draw(m, &last); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case l := <-looks:
			m.Update(l, s.Now())
		case <-resized:
			last = "" // the terminal may have moved what it shows
		case <-time.After(s.pause()):
		case in, ok := <-pressed:
			if !ok {
				return nil // the terminal is gone
			}
			var names []string
			names, rest = keys(append(rest, in...))
			for _, key := range names {
				if key == CtrlZ {
					restore()
					suspend()
					if _, err := term.MakeRaw(int(s.In.Fd())); err != nil {
						return err
					}
					_, _ = s.Out.WriteString(enter)
					last = ""
				} else if m.Key(key) {
					return nil
				}
			}
			select {
			case more <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
}

// pause is how long until the next whole second, when times change.
func (s Screen) pause() time.Duration {
	now := s.Now()
	return now.Truncate(time.Second).Add(time.Second).Sub(now)
}

// draw writes the screen when it is another than the last one.
func (s Screen) draw(m *Model, last *string) error {
	width, height, err := term.GetSize(int(s.Out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	frame := "\x1b[H" + strings.Join(m.Render(width, height, s.Now(), s.Style), "\x1b[K\r\n") + "\x1b[K\x1b[J"
	if frame == *last {
		return nil
	}
	*last = frame
	_, err = s.Out.WriteString(frame)
	return err
}

func (s Screen) look(ctx context.Context, looks chan<- Look) {
	for {
		select {
		case looks <- s.Look(ctx):
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(s.Interval):
		case <-ctx.Done():
			return
		}
	}
}

// read reads the terminal, and again only when what it read was taken in: keys
// that come after q, or while the job is stopped, are for the shell. Nothing ends
// a read, so that after the end of ctx this takes one more key.
func (s Screen) read(ctx context.Context, pressed chan<- []byte, more <-chan struct{}) {
	defer close(pressed)
	for {
		buf := make([]byte, 256)
		n, err := s.In.Read(buf)
		if err != nil {
			return
		}
		select {
		case pressed <- buf[:n]:
		case <-ctx.Done():
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}
