package ui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"example.com/dualboot/magefiles/internal/text"
)

// Interactive reports whether somebody can answer a question: stdin and stderr are
// a terminal, and the variable CI, which systems for continuous integration set,
// is not true.
func (u *UI) Interactive() bool {
	stderr, ok := u.stderr.(*os.File)
	return ok && term.IsTerminal(int(stderr.Fd())) && term.IsTerminal(int(os.Stdin.Fd())) && !inCI()
}

func inCI() bool {
	value := os.Getenv("CI")
	yes, err := strconv.ParseBool(value)
	return yes || err != nil && value != ""
}

// Question is a question for a person.
type Question struct {
	Reasons []string // that are good to know for the answer, a line each
	Text    string   // "continue?"
}

// format returns the question in lines of at most width columns, or of any width for
// 0. Its last line leaves room for the answer.
func (q Question) format(width int) string {
	var b strings.Builder
	for _, reason := range q.Reasons {
		b.WriteString(text.Hang(reason, width))
	}
	const answer = len(" y")
	b.WriteString(text.Hang(q.Text+" [y/N]", max(0, width-answer)))
	return strings.TrimSuffix(b.String(), "\n") + " "
}

// Ask asks a question and reports whether the answer is yes; anything but "y" and
// "yes" is no. No other line is written until it returns. The error is that of ctx
// if it ends first.
func (u *UI) Ask(ctx context.Context, q Question) (yes bool, err error) {
	u.board.Do(func() { yes, err = u.ask(ctx, q) })
	return yes, err
}

func (u *UI) ask(ctx context.Context, q Question) (yes bool, err error) {
	_, _ = io.WriteString(u.stderr, q.format(Width(u.stderr)))
	answer := make(chan string, 1)
	go func() { // a read of a terminal cannot be interrupted
		line, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil {
			fmt.Fprintln(u.stderr)
		}
		answer <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(u.stderr)
		return false, ctx.Err()
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes", nil
	}
}
