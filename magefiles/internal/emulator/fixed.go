package emulator

// fixedSettings are members of a configuration that the emulator takes only with
// the value that every function has here: the default, or nothing. Tools send
// them, because they send back what GetFunction reports.
type fixedSettings struct {
	DeadLetterConfig  *struct{ TargetArn string }
	EphemeralStorage  *struct{ Size int }
	FileSystemConfigs []any
	KMSKeyArn         *string
	LoggingConfig     *struct{ ApplicationLogLevel, LogFormat, LogGroup, SystemLogLevel string }
	SnapStart         *struct{ ApplyOn string }
	TracingConfig     *struct{ Mode string }
	VpcConfig         *struct {
		Ipv6AllowedForDualStack     bool
		SecurityGroupIds, SubnetIds []string
	}
}

// check refuses what a function with configuration c cannot have.
func (f fixedSettings) check(c configuration) error {
	log, vpc := f.LoggingConfig, f.VpcConfig
	var member string
	switch {
	case f.DeadLetterConfig != nil && f.DeadLetterConfig.TargetArn != "":
		member = "DeadLetterConfig"
	case f.EphemeralStorage != nil && f.EphemeralStorage.Size != c.EphemeralStorage.Size:
		member = "an EphemeralStorage other than 512 MB"
	case len(f.FileSystemConfigs) > 0:
		member = "FileSystemConfigs"
	case f.KMSKeyArn != nil && *f.KMSKeyArn != "":
		member = "KMSKeyArn"
	case log != nil && (given(log.LogFormat, c.LoggingConfig.LogFormat) || given(log.LogGroup, c.LoggingConfig.LogGroup) || log.ApplicationLogLevel+log.SystemLogLevel != ""):
		member = "a LoggingConfig other than the default"
	case f.SnapStart != nil && given(f.SnapStart.ApplyOn, c.SnapStart.ApplyOn):
		member = "SnapStart"
	case f.TracingConfig != nil && given(f.TracingConfig.Mode, c.TracingConfig.Mode):
		member = "active tracing (TracingConfig)"
	case vpc != nil && (vpc.Ipv6AllowedForDualStack || len(vpc.SecurityGroupIds)+len(vpc.SubnetIds) > 0):
		member = "VpcConfig"
	default:
		return nil
	}
	return notImplemented(member)
}

// given reports whether a request gives a value other than the fixed one.
func given(value, fixed string) bool { return value != "" && value != fixed }
