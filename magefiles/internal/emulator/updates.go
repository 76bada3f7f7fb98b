package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"example.com/dualboot/magefiles/internal/emulator/zips"
)

type codeRequest struct {
	zipSource
	FunctionName    *string // also in the path
	ImageUri        *string
	Publish, DryRun bool
	RevisionId      *string
	Architectures   []string
}

// updateFunctionCode replaces a function's package, and its architecture if one
// is given.
func (s *Server) updateFunctionCode(c *call, r *codeRequest) (reply, error) {
	err := r.s3Object.check()
	switch {
	case err != nil:
	case r.ImageUri != nil:
		err = notImplemented("ImageUri")
	case !r.given():
		err = invalidParameter("Please provide a source for function code.")
	}
	if err = validate(err, checkArchitectures(r.Architectures)); err != nil {
		return reply{}, err
	}
	code, err := s.addCode(r.zipSource)
	if err != nil {
		return reply{}, err
	}
	defer s.packages.Release(code)
	edit := func(conf *configuration) error {
		if conf.PackageType == "Image" {
			return invalidParameter("Please provide ImageUri when updating a function with packageType Image.")
		}
		r.describe(code, conf)
		// Assumption: without Architectures an update keeps the function's. The
		// API's reference gives a default only for creation.
		if r.Architectures != nil {
			conf.Architectures = r.Architectures
		}
		return s.checkBlocked(conf.Runtime)
	}
	return s.update(c, update{revision: r.RevisionId, edit: edit, code: code, dryRun: r.DryRun, publish: r.Publish})
}

type configurationRequest struct {
	settings
	FunctionName *string // also in the path
	RevisionId   *string
}

func (s *Server) updateFunctionConfiguration(c *call, r *configurationRequest) (reply, error) {
	edit := func(conf *configuration) error {
		if err := r.settings.check(*conf); err != nil {
			return err
		}
		r.settings.apply(conf)
		switch {
		case r.Runtime == nil:
			return nil
		case slices.Contains(s.options.Withdrawn, *r.Runtime):
			return unknownRuntime(*r.Runtime)
		}
		return s.checkBlocked(*r.Runtime)
	}
	return s.update(c, update{revision: r.RevisionId, edit: edit, layers: r.Layers})
}

// checkBlocked refuses an update that changes the code of a function on a
// blocked runtime, or that names such a runtime.
//
// AWS documents that it blocks updates. Users report the message, and that AWS
// accepts an update that does not name the runtime.
//
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtime-deprecation-levels
func (s *Server) checkBlocked(runtime string) error {
	if !slices.Contains(s.options.Blocked, runtime) {
		return nil
	}
	return blocked(runtime)
}

func blocked(runtime string) error {
	return invalidParameter("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", runtime)
}

type update struct {
	revision *string // that the function must have, if given
	edit     func(*configuration) error
	code     *zips.Package // nil keeps the function's
	layers   []string      // ARNs; nil keeps the function's
	dryRun   bool
	publish  bool // answer with a new version
}

// update accepts an update and completes it later, or refuses it. It locks mu.
//
// While an update is InProgress the API already reports the new configuration and
// CodeSha256, as recorded from AWS, and the previous code and configuration serve.
// An update that changes nothing is an update like any other, as recorded.
//
// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
func (s *Server) update(c *call, u update) (reply, error) {
	t, err := s.latestTarget(c)
	s.mu.Lock()
	f, err := s.updatable(t, u.revision, err)
	var answer configuration
	var next *deployment
	if err == nil {
		answer, err = s.accept(f, u)
		next = f.next // nil after a dry run
	}
	s.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	if next != nil {
		var failure *Failure
		if s.options.FailUpdate != nil {
			failure = s.options.FailUpdate(t.name, c.operation.name)
		}
		s.completeLater(f, next, failure)
	}
	return jsonReply(http.StatusOK, answer)
}

// updatable returns a function that can be updated or published now, unless
// there is an error already.
func (s *Server) updatable(t target, revision *string, err error) (*function, error) {
	f, _, err := s.lookup(t, err)
	switch {
	case err != nil:
		return nil, err
	case f.serving == nil:
		return nil, notActive(creating.State)
	case f.next != nil:
		return nil, conflict("The operation cannot be performed at this time. An update is in progress for resource: %s", f.reported.FunctionArn)
	case revision != nil && *revision != f.reported.RevisionId:
		return nil, staleRevision()
	}
	return f, nil
}

// accept checks an update, sets the function InProgress and returns the answer.
func (s *Server) accept(f *function, u update) (configuration, error) {
	conf := f.reported
	if err := u.edit(&conf); err != nil {
		return conf, err
	}
	next := &deployment{code: cmp.Or(u.code, f.serving.code), opt: f.serving.opt, origin: f.serving.origin}
	if u.layers != nil {
		opt, err := s.attach(u.layers, &conf)
		if err != nil {
			return conf, err
		}
		defer s.packages.Release(opt)
		next.opt = opt
	}
	conf.RuntimeVersionConfig = s.runtimeVersion(conf)
	if err := cmp.Or(conf.check(), s.packages.CheckSize(next.code, next.opt)); err != nil || u.dryRun {
		// Assumption: a dry run answers with the result and changes nothing.
		return conf, err
	}
	conf.modified()
	conf.lastUpdate = inProgress
	f.updates++
	if u.code != nil {
		next.origin.code = f.updates
	} else {
		next.origin.configuration = f.updates
	}
	next.configuration = conf
	f.reported, f.next = conf, s.keep(next)
	if u.publish {
		conf = s.publish(f, nil).reported
	}
	return conf, nil
}

// completeLater completes a creation or an update after UpdateTime. It locks mu.
func (s *Server) completeLater(f *function, next *deployment, failure *Failure) {
	if s.options.UpdateTime == 0 {
		s.complete(f, next, failure)
		return
	}
	if !s.begin() {
		return
	}
	go func() {
		defer s.work.Done()
		select {
		case <-time.After(s.options.UpdateTime):
			s.complete(f, next, failure)
		case <-s.ctx.Done():
		}
	}()
}

// complete ends a creation or an update: next takes over or, with a failure, is
// dropped. It locks mu, and calls OnServe.
func (s *Server) complete(f *function, next *deployment, failure *Failure) {
	s.telling.Lock()
	defer s.telling.Unlock()
	for _, d := range s.takeOver(f, next, failure) {
		if s.options.OnServe != nil {
			s.options.OnServe(s.describe(d))
		}
	}
}

// takeOver returns the deployments that begin to serve. It locks mu.
func (s *Server) takeOver(f *function, next *deployment, failure *Failure) (begin []*deployment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.next != next { // the function was deleted meanwhile
		return nil
	}
	f.next = nil
	if failure == nil {
		begin = append(s.replace(f, next), next)
		f.reported.lastUpdate = successful
	} else {
		// Assumption: a failed update leaves the configuration as it was.
		s.retire(next)
		f.reported = f.serving.configuration
		f.reported.lastUpdate = lastUpdate{"Failed", failure.Reason, failure.ReasonCode}
	}
	f.reported.state = active
	// The end of an update is a revision of its own, as recorded from AWS. So the
	// revision in the update's answer is stale after it.
	f.reported.revise()
	s.endPublishing(f, next, failure)
	return begin
}
