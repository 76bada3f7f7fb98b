package emulator

import (
	"net/http"
	"slices"
	"time"
)

// updateFunctionCode replaces a function's package, its architecture, or both.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
func (s *Server) updateFunctionCode(c *call) (reply, error) {
	var request struct {
		FunctionName                     *string // in the path; some clients repeat it
		ZipFile                          []byte
		S3Bucket, S3Key, S3ObjectVersion *string
		ImageUri                         *string
		Publish, DryRun                  bool
		RevisionId                       *string
		Architectures                    []string
	}
	if err := decode(c.body, &request); err != nil {
		return reply{}, err
	}
	switch {
	case request.S3Bucket != nil || request.S3Key != nil || request.S3ObjectVersion != nil:
		return reply{}, notImplemented("code in S3")
	case request.ImageUri != nil:
		return reply{}, notImplemented("ImageUri")
	case request.ZipFile == nil:
		return reply{}, invalidParameter("Please provide a source for function code.")
	}
	if request.Architectures != nil {
		if err := checkArchitectures(request.Architectures); err != nil {
			return reply{}, err
		}
	}
	code, err := s.packages.take(request.ZipFile)
	if err != nil {
		return reply{}, err
	}
	defer s.packages.release(code)

	return s.update(c, update{
		revision: request.RevisionId,
		dryRun:   request.DryRun,
		publish:  request.Publish,
		code:     code,
		edit: func(conf *configuration) error {
			if conf.PackageType == "Image" {
				return invalidParameter("Please provide ImageUri when updating a function with packageType Image.")
			}
			if err := s.unblocked(conf.Runtime); err != nil {
				return err
			}
			// Assumption: an update that leaves Architectures out keeps the
			// function's. The API's reference only gives a default for creation.
			if request.Architectures != nil {
				conf.Architectures = request.Architectures
			}
			conf.CodeSha256, conf.CodeSize = code.sha256, code.size
			return nil
		},
	})
}

// updateFunctionConfiguration changes the settings that are given and leaves
// the others.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
func (s *Server) updateFunctionConfiguration(c *call) (reply, error) {
	var request struct {
		settings
		FunctionName *string // in the path; some clients repeat it
		RevisionId   *string
	}
	if err := decode(c.body, &request); err != nil {
		return reply{}, err
	}
	return s.update(c, update{
		revision: request.RevisionId,
		edit: func(conf *configuration) error {
			if err := request.settings.apply(conf); err != nil || request.Runtime == nil {
				return err
			}
			return s.unblocked(*request.Runtime)
		},
	})
}

// update is one update that a caller asks for.
type update struct {
	revision *string // that the caller believes in, if it says so
	edit     func(*configuration) error
	code     *codePackage // nil keeps the function's
	dryRun   bool
	publish  bool // a version, which then is the answer
}

// update accepts an update and sees to its completion, or refuses it.
//
// While it is InProgress the reported configuration already shows the new
// values, and invocations go to the previous code and configuration.
//
// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
func (s *Server) update(c *call, u update) (reply, error) {
	t, err := s.latestTarget(c)
	if err != nil {
		return reply{}, err
	}
	a, conf, err := s.accept(t, u)
	if err != nil {
		return reply{}, err
	}
	if !u.dryRun {
		var failure *Failure
		if s.options.FailUpdate != nil {
			failure = s.options.FailUpdate(t.name, c.operation.name)
		}
		s.completeLater(a.function, a.next, failure)
	}
	return jsonReply(http.StatusOK, conf)
}

// accepted is an update on its way: the function and what it will run.
type accepted struct {
	function *function
	next     *version
}

// accept checks an update against the function and, unless it is a dry run,
// puts the function InProgress.
func (s *Server) accept(t target, u update) (accepted, configuration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.updatable(t, u.revision)
	if err != nil {
		return accepted{}, configuration{}, err
	}
	conf := f.reported
	if err := u.edit(&conf); err != nil {
		return accepted{}, configuration{}, err
	}
	if err := conf.check(); err != nil {
		return accepted{}, configuration{}, err
	}
	if u.dryRun {
		// Assumption: a dry run answers with what would be, and changes nothing.
		return accepted{}, conf, nil
	}

	conf.touch()
	conf.revise()
	conf.LastUpdateStatus = "InProgress"
	conf.LastUpdateStatusReason = "The function is being created."
	conf.LastUpdateStatusReasonCode = "Creating"
	code := u.code
	if code == nil {
		code = f.serving.code
	}
	s.packages.keep(code)
	f.reported = conf
	f.updates++
	from := f.serving.origin
	if u.code != nil {
		from.code = f.updates
	} else {
		from.configuration = f.updates
	}
	f.next = &version{configuration: conf, code: code, origin: from}
	if u.publish {
		conf = s.publish(f, nil).reported
	}
	return accepted{f, f.next}, conf, nil
}

// updatable finds a function that can be updated, or published, now. The
// server's mutex must be held.
func (s *Server) updatable(t target, revision *string) (*function, error) {
	f, err := s.find(t)
	if err != nil {
		return nil, err
	}
	if f.serving == nil {
		return nil, functionPending()
	}
	if f.next != nil {
		return nil, updateInProgress(f.reported.FunctionArn)
	}
	if revision != nil && *revision != f.reported.RevisionId {
		return nil, staleRevision()
	}
	return f, nil
}

// completeLater completes a creation or an update after UpdateTime, or at once
// if that is zero.
func (s *Server) completeLater(f *function, v *version, failure *Failure) {
	if s.options.UpdateTime == 0 {
		s.complete(f, v, failure)
		return
	}
	if !s.begin() {
		return
	}
	go func() {
		defer s.work.Done()
		select {
		case <-time.After(s.options.UpdateTime):
			s.complete(f, v, failure)
		case <-s.ctx.Done():
		}
	}()
}

// complete ends a creation or an update: v takes over, or with a failure is dropped.
func (s *Server) complete(f *function, v *version, failure *Failure) {
	s.mu.Lock()
	if f.next != v { // the function was deleted meanwhile
		s.mu.Unlock()
		return
	}
	f.next = nil
	if failure == nil {
		for _, m := range s.replace(f, v) {
			s.untold = append(s.untold, s.deployment(m))
		}
		s.untold = append(s.untold, s.deployment(v))
		f.reported.State, f.reported.StateReason, f.reported.StateReasonCode = "Active", "", ""
		f.reported.LastUpdateStatus = "Successful"
		f.reported.LastUpdateStatusReason, f.reported.LastUpdateStatusReasonCode = "", ""
	} else {
		// Assumption: after a failed update the function is reported as it was before.
		s.retire(v)
		f.reported = f.serving.configuration
		f.reported.State, f.reported.StateReason, f.reported.StateReasonCode = "Active", "", ""
		f.reported.LastUpdateStatus = "Failed"
		f.reported.LastUpdateStatusReason = failure.Reason
		f.reported.LastUpdateStatusReasonCode = failure.ReasonCode
	}
	// Assumption, the stricter one: the end of an update is a revision of its
	// own, so the revision in the update's answer is stale afterwards.
	f.reported.revise()
	s.endPublishing(f, v, failure)
	s.mu.Unlock()
	s.tell()
}

// deployment describes a version. It may be read without the server's mutex.
func (s *Server) deployment(v *version) Deployment {
	d := Deployment{
		Function:     v.configuration.FunctionName,
		Runtime:      v.configuration.Runtime,
		Handler:      v.configuration.Handler,
		Architecture: v.configuration.architecture(),
		CodeSha256:   v.configuration.CodeSha256,
		Mixed:        v.mixed,
	}
	if v.code == nil {
		return d
	}
	for name := range v.code.files {
		d.Files = append(d.Files, name)
		if v.code.startable(name, d.Architecture, s.options.HostBinaries) == nil {
			d.Executables = append(d.Executables, name)
		}
	}
	slices.Sort(d.Files)
	slices.Sort(d.Executables)
	return d
}

// tell calls OnServe with what it has not heard, in order.
func (s *Server) tell() {
	s.telling.Lock()
	defer s.telling.Unlock()
	for {
		s.mu.Lock()
		news := s.untold
		s.untold = nil
		s.mu.Unlock()
		if len(news) == 0 {
			return
		}
		for _, d := range news {
			if s.options.OnServe != nil {
				s.options.OnServe(d)
			}
		}
	}
}
