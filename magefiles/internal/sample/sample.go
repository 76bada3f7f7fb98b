// Package sample finds what a rehearsal gives to a function: samples of its events
// and its environment variables. They are files in the directory testdata of the
// function's package.
package sample

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"example.com/dualboot/magefiles/internal/traffic"
)

// Set is what a rehearsal gives to a function.
type Set struct {
	Events    []Event           // at least one
	Variables map[string]string // environment variables
}

// Event is a sample of a function's events.
type Event struct {
	Origin Origin
	Name   string // of the file, relative to testdata, with slashes: "events/a.json"
	Shape  string // of a made-up event: "Kinesis"
	JSON   []byte
	Kind   traffic.Kind
}

// Origin is where a sample event is from.
type Origin int

const (
	// Own is from a file of the function.
	Own Origin = iota
	// MadeUp has the shape of the events that the handler takes by its type. Its
	// content is arbitrary.
	MadeUp
	// Needless is {}, for a handler that takes no event.
	Needless
	// Unknown is {}, because nothing says what events the handler takes.
	Unknown
)

// Load returns the sample of a function. Its events are testdata/event.json and
// testdata/events/*.json of the package directory, in this order and by name. If
// there is none, the type of its handler decides: see [Origin]. Its variables are
// those of testdata/env.json.
//
// The tags are the build tags of the function. The error names each file that
// cannot be used, with its problem and where.
func Load(dir string, tags []string) (Set, error) {
	set, err := read(filepath.Join(dir, "testdata"))
	if err == nil && len(set.Events) == 0 {
		set.Events = []Event{makeUp(dir, tags)}
	}
	return set, err
}

// LoadDir returns the sample of a function without sources, whose files are in the
// directory. An empty name stands for no files.
func LoadDir(testdata string) (set Set, err error) {
	if testdata != "" {
		if _, err := os.Stat(testdata); err != nil {
			return Set{}, err
		}
		if set, err = read(testdata); err != nil {
			return Set{}, err
		}
	}
	if len(set.Events) == 0 {
		set.Events = []Event{unknown()}
	}
	return set, nil
}

// read reads the files of a function.
func read(testdata string) (Set, error) {
	events, err := readEvents(testdata)
	variables, err2 := readVariables(filepath.Join(testdata, "env.json"))
	if err := errors.Join(err, err2); err != nil {
		return Set{}, err
	}
	return Set{events, variables}, nil
}

// readEvents reads the events of a function, none if it has no files.
func readEvents(testdata string) ([]Event, error) {
	names := []string{"event.json"}
	entries, err := os.ReadDir(filepath.Join(testdata, "events"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries { // sorted by name
		if strings.HasSuffix(e.Name(), ".json") {
			names = append(names, "events/"+e.Name())
		}
	}
	var events []Event
	var errs []error
	for _, name := range names {
		event, err := readEvent(filepath.Join(testdata, filepath.FromSlash(name)))
		switch {
		case errors.Is(err, os.ErrNotExist) && name == "event.json":
		case err != nil:
			errs = append(errs, err)
		default:
			event.Name = name
			events = append(events, event)
		}
	}
	return events, errors.Join(errs...)
}

func readEvent(file string) (Event, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Event{}, err
	}
	if err := checkJSON(file, data, true); err != nil {
		return Event{}, err
	}
	kind, err := traffic.KindOf(data)
	if err != nil {
		return Event{}, fmt.Errorf("%s: %w", file, err)
	}
	return Event{JSON: data, Kind: kind}, nil
}

// makeUp returns an event for a function without one.
func makeUp(dir string, tags []string) Event {
	name, ok := eventType(dir, tags)
	if ok && name == "" {
		return Event{Origin: Needless, JSON: []byte("{}"), Kind: traffic.Event}
	}
	if shape, ok := shapeOf(name); ok {
		return shape
	}
	return unknown()
}

func unknown() Event { return Event{Origin: Unknown, JSON: []byte("{}"), Kind: traffic.Event} }
