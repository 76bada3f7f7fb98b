// Package probe asks AWS about what dualboot assumes: it runs experiments with
// functions of its own, compares what they record with the assumptions, and says
// what to change.
//
// Package lab creates and deletes the functions, and package experiments has the
// questions.
package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.com/dualboot/magefiles/internal/awsclient"
	"example.com/dualboot/magefiles/internal/fleet"
	"example.com/dualboot/magefiles/internal/probe/lab"
	"example.com/dualboot/magefiles/internal/text"
)

// Report is what a run found.
type Report struct {
	ID             string // of the run, part of all names
	Region         string
	Endpoint       string `json:",omitempty"` // if it is not AWS's
	Settle         string // the assumed settle delay
	Started, Ended time.Time
	Experiments    []Outcome
	// Left says what could not be deleted.
	Left string `json:",omitempty"`
}

// Outcome is what one experiment found.
type Outcome struct {
	Name           string
	Question       string
	Started, Ended time.Time `json:",omitzero"`
	Findings       []Finding
	// NotRun is why there are no findings, if nothing went wrong.
	NotRun string `json:",omitempty"`
	// Error is what went wrong.
	Error string `json:",omitempty"`
	// Evidence is what the experiment recorded.
	Evidence any `json:",omitempty"`
}

// Run runs the experiments one after another and adds their outcomes to the
// report. It deletes what each has created before it goes on. Once ctx is done it
// starts nothing new. notef reports progress.
func (r *Report) Run(ctx context.Context, run *lab.Run, experiments []Experiment, notef func(string, ...any)) {
	r.ID, r.Started = run.ID, time.Now()
	for i, e := range experiments {
		o := Outcome{Name: e.Name, Question: e.Question}
		if ctx.Err() != nil {
			o.NotRun = fleet.ErrInterrupted.Error()
		} else {
			notef("%s (%d of %d): %s", e.Name, i+1, len(experiments), e.Question)
			r.perform(ctx, run, e, &o)
			notef("%s: %s", e.Name, o.Summary())
		}
		r.Experiments = append(r.Experiments, o)
	}
	r.Ended = time.Now()
}

// perform runs one experiment.
func (r *Report) perform(ctx context.Context, run *lab.Run, e Experiment, o *Outcome) {
	o.Started = time.Now()
	l := run.Enter(e.Name)
	evidence, findings, err := e.run(ctx, l)
	o.Evidence, o.Findings = evidence, findings
	if left := l.Close(ctx); left != nil {
		r.Left += left.Error() + "\n"
	}
	o.Ended = time.Now()
	message, unsupported := lab.Unsupported(err)
	switch {
	case err == nil:
	case unsupported:
		o.NotRun = "not supported by the emulator: " + message
	case ctx.Err() != nil:
		o.NotRun = fleet.ErrInterrupted.Error()
	default:
		o.Error = awsclient.Explain(err, "").Error()
	}
}

// Summary counts the findings, or says why there are none.
func (o Outcome) Summary() string {
	switch {
	case o.Error != "":
		return "FAILED: " + o.Error
	case o.NotRun != "":
		return "not run: " + o.NotRun
	}
	return text.Count(len(o.Findings), "finding") + ", " + text.Counts(count(o.Findings))
}

// count counts findings by class.
func count(findings []Finding) map[string]int {
	n := map[string]int{}
	for _, f := range findings {
		n[string(f.Class)]++
	}
	return n
}

// Counts returns the number of findings by class.
func (r *Report) Counts() map[string]int {
	var all []Finding
	for _, o := range r.Experiments {
		all = append(all, o.Findings...)
	}
	return count(all)
}

// Differs reports whether a finding differs from what dualboot assumes.
func (r *Report) Differs() bool { return r.Counts()[string(Differs)] > 0 }

// Err returns an error if an experiment failed, or if something is left.
func (r *Report) Err() error {
	var errs []error
	for _, o := range r.Experiments {
		if o.Error != "" {
			errs = append(errs, fmt.Errorf("experiment %s: %s", o.Name, o.Error))
		}
	}
	if r.Left != "" {
		errs = append(errs, fmt.Errorf("%srun the same command with -clean", r.Left))
	}
	return errors.Join(errs...)
}

// JSON returns the report with its evidence, masked.
func (r *Report) JSON(account string) ([]byte, error) {
	out, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return []byte(Mask(string(out), account) + "\n"), nil
}
