package rehearsal

import (
	"errors"
	"strings"
	"testing"
)

// invoked returns the answer of an invocation with a function error.
func invoked(payload, log, entryPoint string, warm bool) answer {
	return newFailure([]byte(payload), log, entryPoint, warm || initialized(log))
}

// Logs of the emulator.
const (
	report      = "END RequestId: 1\nREPORT RequestId: 1\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB"
	coldReport  = report + "\tInit Duration: 5.21 ms\n"
	exitOnGo1x  = `{"errorMessage":"RequestId: 6b1f7c94-2d8a-5e03-b4c7-90a1d2e3f4b5 Process exited before completing request"}`
	exitOnAL    = `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 1a7d3f86-95c2-4e0b-8d6f-2b4c6e8a0f13 Error: Runtime exited with error: exit status 2"}`
	startGo1x   = "START RequestId: 1 Version: 1\nRequestId: 1 Process exited before completing request\n\n"
	startAL2023 = "START RequestId: 2 Version: 2\nRequestId: 2 Error: Runtime exited with error: exit status 2\nRuntime.ExitError\n"
	trace       = "\ngoroutine 1 [running]:\nmain.init.0()\n\t./main.go:11 +0x1d\n"
)

func TestFailures(t *testing.T) {
	noDatabase := invoked(`{"errorMessage":"dial tcp 127.0.0.1:43117: connection refused","errorType":"OpError"}`, coldReport, "lambda", false)
	panicsInInit := invoked(exitOnGo1x, "panic: no DATABASE_URL\n"+trace+startGo1x+report, "lambda", false)
	silent := invoked(exitOnGo1x, startGo1x+report, "lambda", false)
	noFile := invoked(`{"errorMessage":"fork/exec /var/task/lambda: no such file or directory","errorType":"PathError"}`, startGo1x+report, "lambda", false)
	for _, test := range []struct {
		name          string
		before, after answer
		alike         bool
	}{
		{"the same error, another port", noDatabase, invoked(`{"errorMessage":"dial tcp 127.0.0.1:51234: connection refused","errorType":"OpError"}`, report, "bootstrap", true), true},
		{"another message", noDatabase, invoked(`{"errorMessage":"unknown time zone Asia/Tokyo","errorType":"OpError"}`, coldReport, "bootstrap", false), false},
		{"another type", noDatabase, invoked(`{"errorMessage":"dial tcp 127.0.0.1:43117: connection refused","errorType":"errorString"}`, coldReport, "bootstrap", false), false},
		{"another status", invoked(`{"errorMessage":"got 404","errorType":"e"}`, "", "lambda", true), invoked(`{"errorMessage":"got 500","errorType":"e"}`, "", "bootstrap", true), false},
		{"it cannot start", noDatabase, noBootstrap("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"), false},
		{"it exits", noDatabase, invoked(exitOnAL, "panic: x\n"+trace+startAL2023+report, "bootstrap", false), false},
		{"panics in init", panicsInInit, invoked(exitOnAL, "panic: no DATABASE_URL\n"+trace+startAL2023+report, "bootstrap", false), true},
		{"panics for another reason", panicsInInit, invoked(exitOnAL, "panic: unknown time zone Asia/Tokyo\n"+trace+startAL2023+report, "bootstrap", false), false},
		{"log.Fatal with a time", invoked(exitOnGo1x, "2024/02/01 03:04:05 no config\n"+startGo1x+report, "lambda", false), invoked(exitOnAL, "2024/02/01 03:04:06 no config\n"+startAL2023+report, "bootstrap", false), true},
		{"exits without a word", silent, invoked(exitOnAL, startAL2023+report, "bootstrap", false), true},
		{"exited in the handler, and in init now", invoked(exitOnGo1x, startGo1x+coldReport, "lambda", false), invoked(exitOnAL, startAL2023+report, "bootstrap", false), false},
		{"it exited, and cannot start now", silent, noBootstrap("fork/exec /var/task/bootstrap: permission denied"), false},
		{"no file before, no file after", noFile, noBootstrap("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"), true},
		{"no file before, no permission after", noFile, noBootstrap("fork/exec /var/task/bootstrap: permission denied"), false},
		{"the format before and after", invoked(`{"errorMessage":"fork/exec /var/task/lambda: exec format error","errorType":"PathError"}`, "", "lambda", false), noBootstrap("fork/exec /var/task/bootstrap: exec format error"), true},
		{"another program is missing, and the entry point now",
			invoked(`{"errorMessage":"fork/exec /var/task/convert: no such file or directory","errorType":"PathError"}`, coldReport, "lambda", false),
			noBootstrap("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"), false},
		{"times out", invoked(`{"errorMessage":"2024-02-01T03:04:05.000Z 1 Task timed out after 10.00 seconds"}`, coldReport, "lambda", false),
			invoked(`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1 Error: Task timed out after 10.00 seconds"}`, coldReport, "bootstrap", false), true},
		{"timed out, and in init now", invoked(`{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 10.00 seconds"}`, coldReport, "lambda", false),
			invoked(`{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 10.00 seconds"}`, report, "bootstrap", false), false},
		{"the message names a file of the package",
			invoked(`{"errorMessage":"open /tmp/dualboot-emulator-12/package-1/a.json: no such file","errorType":"PathError"}`, "", "lambda", true),
			invoked(`{"errorMessage":"open /tmp/dualboot-emulator-12/package-31/a.json: no such file","errorType":"PathError"}`, "", "bootstrap", true), true},
		{"not JSON", invoked(`oops`, "", "lambda", true), invoked(`oops`, "", "bootstrap", true), true},
		{"not invoked", noAnswer(errors.New("StatusCode: 413, RequestID: 6b1f7c94-2d8a-5e03-b4c7-90a1d2e3f4b5")), noAnswer(errors.New("StatusCode: 413, RequestID: 1a7d3f86-95c2-4e0b-8d6f-2b4c6e8a0f13")), true},
		{"503", newAnswer([]byte(`{"statusCode":503,"body":"no database"}`)), newAnswer([]byte(`{"statusCode":503,"body":"no certificate"}`)), false},
		{"records", newAnswer([]byte(`{"batchItemFailures":[{"itemIdentifier":"1"}]}`)), newAnswer([]byte(`{"batchItemFailures":[{"itemIdentifier":"2"}]}`)), true},
	} {
		if !test.before.failed() || !test.after.failed() {
			t.Errorf("%s: %q or %q is no failure", test.name, test.before, test.after)
		}
		if worse := test.after.worseThan(test.before); worse == test.alike {
			t.Errorf("%s: alike is %t:\n%+v\n%+v", test.name, !worse, test.before, test.after)
		}
	}
}

// noBootstrap returns the answer of a function on provided.al2023 whose bootstrap
// cannot be started.
func noBootstrap(message string) answer {
	return invoked(`{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: 1 Error: `+message+`"}`, report, "bootstrap", false)
}

func TestWorse(t *testing.T) {
	failing := noAnswer(errors.New("x"))
	ok, created, notFound, gone := newAnswer([]byte(`{"statusCode":200}`)), newAnswer([]byte(`{"statusCode":201}`)), newAnswer([]byte(`{"statusCode":404}`)), newAnswer([]byte(`{"statusCode":410}`))
	other, records := newAnswer([]byte(`"text"`)), newAnswer([]byte(`{"batchItemFailures":[{"itemIdentifier":"1"}]}`))
	for _, test := range []struct {
		before, now answer
		worse       bool
	}{
		{ok, ok, false}, {ok, created, false}, {ok, notFound, true}, {notFound, gone, true}, {notFound, notFound, false}, {notFound, ok, false},
		{ok, failing, true}, {failing, ok, false}, {other, other, false}, {other, records, true}, {newAnswer(nil), newAnswer(nil), false},
	} {
		if got := test.now.worseThan(test.before); got != test.worse {
			t.Errorf("%q after %q is worse: %t", test.now, test.before, got)
		}
	}
}

func TestAnswerText(t *testing.T) {
	for _, test := range []struct {
		answer answer
		want   string
	}{
		{newAnswer([]byte(`{"statusCode":200,"body":"{\"a\":\n 1}"}`)), `200 {"a": 1}`},
		{newAnswer([]byte("{\n  \"a\": 1\n}")), `{ "a": 1 }`},
		{newAnswer([]byte(`"` + strings.Repeat("x", 100) + `"`)), `"` + strings.Repeat("x", 70) + "…"},
		{invoked(exitOnGo1x, "connecting\npanic: no DATABASE_URL\n"+trace+startGo1x+report, "lambda", false), "exited before it was ready: panic: no DATABASE_URL"},
		{invoked(exitOnAL, "bye\n"+startAL2023+report, "bootstrap", true), "exited: bye"},
		{noBootstrap("fork/exec /var/task/bootstrap: permission denied"), "bootstrap could not be started: permission denied"},
	} {
		if got := test.answer.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"at 2024-02-01T03:04:05.123456789+09:00 in 1m2.5s":                      "at # in #",
		"read tcp 127.0.0.1:43117->127.0.0.1:5432: status 503, 3 of 7 attempts": "read tcp 127.0.0.1:#->127.0.0.1:#: status 503, 3 of 7 attempts",
		"nil at 0xc000012345, trace 65bb0b155e1b4c4f7a0d3c2b1a098765":           "nil at #, trace #",
		`open "/tmp/x/dualboot-emulator-1/package-2/data/a": no such file`:      `open "/var/task/data/a": no such file`,
		"unknown time zone Asia/Tokyo":                                          "unknown time zone Asia/Tokyo",
	} {
		if got := mask(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
