// Package fleet holds the record of a function that passes through all stages of
// a command: manifest, observe, build, bundle, plan, apply and output.
package fleet

import (
	"cmp"
	"sync"
	"time"

	"example.com/dualboot/magefiles/internal/build"
	"example.com/dualboot/magefiles/internal/lambda"
	"example.com/dualboot/magefiles/internal/manifest"
)

// Function is one function on its way through a command. Each stage fills in its
// own part and reads the parts of the stages before it. One goroutine at a time
// works on a function.
type Function struct {
	manifest.Target // what lambdas.json says
	Goal            // what the command wants

	Observed lambda.State   // as it was first read
	Build    build.Function // its binaries
	Zips     lambda.Zips    // its deployment packages
	Plan     []Step         // the steps to the goal, where they are only shown
	Planned  lambda.State   // the state after them
	Current  lambda.State   // as it was last read
	Done     []Step         // the updates that AWS has accepted

	// Err is why the function failed, or nil. It is an *Error.
	Err error
	// NotStarted is why the command did nothing to the function, although it did
	// not fail, or "".
	NotStarted string
}

// Goal is what a command wants of a function.
type Goal struct {
	Action Action
	// Previous is the runtime that a rollback returns to, or "" if it is unknown.
	Previous string
	// Settle is the settle delay: how long to wait between a finished update and
	// the next one that depends on it. AWS says that after an update requests may
	// be served by the old or the new version for "typically less than a minute",
	// but not whether code and configuration can mix. Source:
	// https://aws.amazon.com/lambda/faqs/
	Settle time.Duration
	// Bridge makes a deploy send no code to a function on go1.x, as if AWS had
	// rejected it.
	Bridge bool
}

// Action is what a command does to a function.
type Action int

const (
	// Deploy updates the code and moves the function to provided.al2023.
	Deploy Action = iota
	// Cleanup drops lambda from the zip of a function on provided.al2023.
	Cleanup
	// Rollback returns a function to its previous runtime and keeps its code.
	Rollback
)

// String returns the verb.
func (a Action) String() string {
	return [...]string{"deploy", "clean up", "roll back"}[a]
}

// Label returns the function name on AWS, or the name in lambdas.json for a
// function without an environment.
func (f *Function) Label() string { return cmp.Or(f.FunctionName, f.Function.Name) }

// Shape is which deployment package a function needs.
type Shape struct {
	Legacy       string // the file that go1.x starts, or "" for a package without
	Architecture string
}

// Shape returns the shape of the package that a function in state s needs. It
// never changes the architecture unasked, and drops the file that go1.x starts
// only if go1.x is not serving, now or when the function was first read.
func (f *Function) Shape(s lambda.State) Shape {
	if f.Function.Deployed() {
		return f.deployedShape(s)
	}
	wanted := cmp.Or(f.Architecture, s.Architecture)
	dual := f.DualShape(s)
	switch {
	case f.Action == Cleanup:
		return Shape{"", wanted}
	case s.MayServeLegacy() || f.Observed.MayServeLegacy():
		return dual
	case !f.Dual:
		return Shape{"", wanted}
	case wanted == lambda.X86_64:
		return dual
	case s.Architecture == wanted:
		return Shape{"", wanted}
	}
	// It is to leave x86_64. Where it can still return to go1.x, cleanup does that.
	if s.Contents == nil || s.Legacy(f.Function.LegacyName()) != "" {
		return dual
	}
	return Shape{"", wanted}
}

// deployedShape returns the shape of the package of a function without sources. A
// deploy keeps what the deployed zip has, and its architecture.
func (f *Function) deployedShape(s lambda.State) Shape {
	shape := Shape{Architecture: s.Architecture}
	switch {
	case f.Action == Cleanup:
	case handlerCounts(s):
		shape.Legacy = s.Legacy("")
	case handlerCounts(f.Observed):
		shape.Legacy = f.Observed.Legacy("")
	case s.Contents != nil && s.Contents.Made:
		shape.Legacy = s.Contents.Legacy
	}
	return shape
}

// DualShape returns the shape of the package that also starts on go1.x.
func (f *Function) DualShape(s lambda.State) Shape { return Shape{f.legacy(s), lambda.X86_64} }

// String describes the package: "lambda for x86_64".
func (s Shape) String() string {
	return cmp.Or(s.Legacy, lambda.Bootstrap) + " for " + s.Architecture
}

// Package returns the function's package of a shape, or nil if there is none.
func (f *Function) Package(s Shape) *lambda.Package {
	p := f.Zips.Bootstrap
	if s.Legacy != "" {
		p = f.Zips.Dual
	}
	if p == nil || p.Legacy != s.Legacy || p.Architecture != s.Architecture {
		return nil
	}
	return p
}

// legacy returns the name of the file that go1.x starts in the package that a
// function in state s needs.
func (f *Function) legacy(s lambda.State) string {
	name := f.Function.LegacyName()
	if !handlerCounts(s) && handlerCounts(f.Observed) {
		s = f.Observed
	}
	return cmp.Or(s.Legacy(name), name)
}

// handlerCounts reports whether the handler names the file that serves.
func handlerCounts(s lambda.State) bool { return s.Runtime == lambda.Go1x || s.Bridged() }

// Each calls do for each function, for at most limit functions at the same time,
// and returns when all calls have returned.
func Each(functions []*Function, limit int, do func(*Function)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, limit)
	for _, f := range functions {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			do(f)
		})
	}
	group.Wait()
}
