package ui

import (
	"errors"
	"strings"
)

// CheckFiles returns an error if the report, the trace or the summary of a job of
// GitHub Actions could not be written. Without it, [UI.WriteFiles] writes none.
func (u *UI) CheckFiles() error {
	if u.inner {
		return nil
	}
	return errors.Join(u.record.Check(), u.appendSummary(""))
}

// WriteFiles writes the report and the trace at the end of a command, and notes
// where they are. It returns the error of the command, with what failed.
func (u *UI) WriteFiles(err error) error {
	if u.inner {
		return err
	}
	written, broken := u.record.Write(cause(err))
	if len(written) > 0 {
		u.Notef("%s", strings.Join(written, ", "))
	}
	if broken != nil {
		return errors.Join(err, broken)
	}
	return err
}

// Connected records to which account and region a command has connected. The
// endpoint is "" unless it is not AWS's own.
func (u *UI) Connected(account, region, endpoint string) {
	u.record.Connected(account, region, endpoint)
}

// Invoked records an invocation by the traffic of a rehearsal.
func (u *UI) Invoked(failed bool) { u.record.Invoked(failed) }
