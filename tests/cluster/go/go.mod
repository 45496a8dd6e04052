// The Go that builds the modules beside this one, for those who have none or an older one.
module steellb.invalid/tests/cluster/go

go 1.19

require golang.org/toolchain v0.0.1-go1.26.0.linux-amd64
