package ui

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
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

// Ask asks a question and reports whether the answer is yes; anything but "y" and
// "yes" is no. No other line is written until it returns. The error is that of ctx
// if it ends first.
func (u *UI) Ask(ctx context.Context, question string) (yes bool, err error) {
	u.board.Do(func() { yes, err = u.ask(ctx, question) })
	return yes, err
}

func (u *UI) ask(ctx context.Context, question string) (yes bool, err error) {
	fmt.Fprintf(u.stderr, "%s [y/N] ", question)
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
