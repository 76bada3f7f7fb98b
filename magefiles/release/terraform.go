package release

func (s *session) warnOfTerraform() {}
