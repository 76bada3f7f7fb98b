package commandline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// Check checks the command line of this process. It accepts any of a program that
// mage has not compiled.
//
// The command line of a single target is one that mage has checked already, except
// for flags that are given twice. For any other, it asks the program itself, with -h and -l, what its targets are:
// only the main package that mage generates knows all of them.
func (p *Program) Check() error {
	if p == nil {
		return nil
	}
	words := targets(os.Args[1:])
	if len(words) == 0 {
		return nil
	}
	if !slices.ContainsFunc(words[1:], func(word string) bool { return !strings.HasPrefix(word, "-") }) {
		return checkOnce(words[0], words[1:])
	}
	if os.Getenv(help) != "" { // then mage runs no target: it was asked by itself, and is no program of mage
		return errors.New("this program runs targets when it is asked for help; compile it with: mage -compile")
	}
	return Check(p.name, words, p.find)
}

// help is the variable that makes a program of mage print help.
const help = "MAGEFILE_HELP"

// targets returns the arguments of a program of mage without mage's own flags.
func targets(args []string) []string {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for _, name := range []string{"v", "l", "h"} {
		flags.Bool(name, false, "")
	}
	flags.Duration("t", 0, "")
	if flags.Parse(args) != nil { // mage would have ended
		return nil
	}
	return flags.Args()
}

// find returns the target of a name or an alias, or nil if there is none.
func (p *Program) find(name string) (*Target, error) {
	if strings.HasPrefix(name, "-") {
		return nil, nil
	}
	if t, err := p.target(name); t != nil || err != nil {
		return t, err
	}
	if err := p.readAliases(); err != nil {
		return nil, err
	}
	return p.aliases[strings.ToLower(name)], nil
}

// target returns the target of a name, or nil if there is none.
func (p *Program) target(name string) (*Target, error) {
	out, err := p.run("-h", name)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 2 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseHelp(out)
}

// readAliases reads the aliases of all targets, which -h does not find.
func (p *Program) readAliases() error {
	if p.aliases != nil {
		return nil
	}
	names, err := p.names()
	if err != nil {
		return err
	}
	p.aliases = map[string]*Target{}
	for _, name := range names {
		t, err := p.target(name)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		for _, alias := range t.Aliases {
			p.aliases[strings.ToLower(alias)] = t
		}
	}
	return nil
}

// run runs the program with arguments and returns what it prints.
func (p *Program) run(args ...string) (string, error) {
	cmd := exec.Command(p.path, args...)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MAGEFILE_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	if args[0] == "-h" {
		cmd.Env = append(cmd.Env, help+"=1")
	} else {
		cmd.Env = append(cmd.Env, "MAGEFILE_LIST=1")
	}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("checking the command line: %s %s: %w; run the targets one by one", p.path, strings.Join(args, " "), err)
	}
	return string(out), nil
}

var (
	argument = regexp.MustCompile(` <(\w+)>`)
	option   = regexp.MustCompile(`(?m)(?:^\t|\[)-(\w+)=<([^>]+)>`)
	aliases  = regexp.MustCompile(`(?m)^Aliases: (.*)$`)
)

// parseHelp parses what a program of mage prints with -h and a target.
func parseHelp(out string) (*Target, error) {
	const usage = "Usage:\n\n\t"
	i := strings.LastIndex(out, usage)
	if i < 0 {
		return nil, fmt.Errorf("checking the command line: the help has no usage: %q; run the targets one by one", out)
	}
	out = out[i+len(usage):]
	line, _, _ := strings.Cut(out, "\n")
	t := &Target{Flags: map[string]string{}}
	for _, m := range argument.FindAllStringSubmatch(line, -1) {
		t.Arguments = append(t.Arguments, m[1])
	}
	for _, m := range option.FindAllStringSubmatch(out, -1) {
		t.Flags[strings.ToLower(m[1])] = m[2]
	}
	if m := aliases.FindStringSubmatch(out); m != nil {
		t.Aliases = strings.Split(m[1], ", ")
	}
	return t, nil
}

// parseList returns the names that a program of mage prints with -l.
func parseList(out string) (names []string) {
	_, out, _ = strings.Cut("\n"+out, "\nTargets:\n")
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 0 && strings.HasPrefix(line, "  ") {
			names = append(names, strings.TrimSuffix(fields[0], "*"))
		}
	}
	return names
}
