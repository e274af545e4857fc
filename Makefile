# make test is what README names; make servers, make guests, make check and make oracles are what .ci/run runs.
.DEFAULT_GOAL := build
.PHONY: alerts release build test race lint formats fuzz spec costs bench soak cover check faults oracles guests servers shells browsers screenshots cluster scale trouble upgrade quickjs page clean

export CGO_ENABLED ?= 0
FUZZTIME ?= 30s
GOTEST ?= go test
STATICCHECK = go tool -modfile=.ci/tools.mod staticcheck

build:
	go build -trimpath -o awf-hook ./cmd/awf-hook

# A test that measures what something costs, or whose bound is a time, says so in the line before it, which begins with "//test:alone". These
# tests run after all others, one package at a time. Many of the others wait, for which a processor each is too much.
MEASURING = $(shell grep -rl --include='*_test.go' --exclude-dir=testdata '^//test:alone' .)
ALONE = ^($(subst $() ,|,$(shell sed -n '/^\/\/test:alone/{n;s/^func \(Test[A-Za-z0-9]*\).*/\1/p;}' $(MEASURING))))$$
test:
	$(GOTEST) -p 3 -parallel 6 -skip '$(ALONE)' ./...
	$(GOTEST) -p 1 -run '$(ALONE)' $(sort $(dir $(MEASURING)))

# The detector makes some packages take more than the ten minutes that go test gives each.
race:
	CGO_ENABLED=1 go test -race -timeout 60m ./...

lint:
	@test -z "$$(gofmt -s -l .)" || { gofmt -s -d .; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

# Messages of 10,000 generated events per format, within every limit and taken by the receivers' own client libraries.
formats:
	cd testdata/oracles && npm ci --ignore-scripts
	AWF_HOOK_WILD=10000 go test -count 1 -timeout 30m -run Wild ./transforms/format
	cd testdata/oracles && AWF_HOOK_WILD=10000 go test -count 1 -timeout 60m ./format

# A release in dist: archives, Debian packages, lists of parts, checksums, what an image is built of; each installed in its way by a test.
# As root on Debian it installs what the tests need. .ci/run builds it for the platform that it runs on alone.
PLATFORMS ?= linux/amd64,linux/arm64,darwin/amd64,darwin/arm64
RELEASE_PACKAGES = buildah curl
release:
	@dpkg -s $(RELEASE_PACKAGES) >/dev/null 2>&1 || test "$$(id -u)" != 0 || \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(RELEASE_PACKAGES) >/dev/null; }
	go vet ./.ci/release
	go run ./.ci/release -out dist -platforms $(PLATFORMS)
	RELEASE=dist PLATFORMS=$(PLATFORMS) $(GOTEST) -count 1 -timeout 15m -run TestRelease ./cmd/awf-hook

# Each fuzz target for FUZZTIME.
fuzz:
	@grep -rl --include=*_test.go '^func Fuzz' . | while read -r file; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$file); do \
			echo "$$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$(dirname $$file) || exit 1; \
		done; done

# The table of a receiver's faults, 100 deliveries for each: what becomes of them, goroutines, memory. About three minutes.
faults:
	FAULTS=100 go test -run '^(TestFaults|TestDirectTalksEndAsWithNetHTTP)$$' -count 1 ./engine/internal/sender

# Receivers' own client libraries verify real requests; needs node and npm.
oracles:
	cd testdata/oracles && npm ci --ignore-scripts && go vet ./... && go test -count 1 ./...

# Examples of transforms and the tutorials, built by every language's compiler and compared with what is committed. As root on
# Debian it installs those; the linker is the one that the release's rustc recommends.
GUEST_PACKAGES = clang-19 lld-19 libclang-rt-19-dev-wasm32 wasi-libc wabt rustc libstd-rust-dev-wasm32
guests:
	@dpkg -s $(GUEST_PACKAGES) >/dev/null 2>&1 || test "$$(id -u)" != 0 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
		$(GUEST_PACKAGES) $$(apt-cache depends libstd-rust-dev-wasm32 | sed -n 's/.*Recommends: *\(.*lld.*\)/\1/p') >/dev/null; }
	cd examples/transforms/slack-assemblyscript && npm ci --ignore-scripts
	GUESTS=1 $(GOTEST) -count 1 -timeout 5m -run 'TestTransform|TestDocsTutorials|TestScripts/transform' ./cmd/awf-hook
	GUESTS=1 $(GOTEST) -count 1 -timeout 10m -run TestLargeModulesOfStockGo ./transforms/wasm

# The servers that tests start, and the tools that judge what examples/deploy has for them, or send requests. As root on Debian it
# installs them; where they are missing, tests of them skip themselves.
SERVER_PACKAGES = postgresql pgbouncer prometheus systemd curl
servers:
	@dpkg -s $(SERVER_PACKAGES) >/dev/null 2>&1 || test "$$(id -u)" != 0 || \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(SERVER_PACKAGES) >/dev/null; }

# The shells in which tests press Tab. As root on Debian it installs them; where they are missing, tests of them skip themselves.
SHELL_PACKAGES = bash-completion fish zsh
shells:
	@dpkg -s $(SHELL_PACKAGES) >/dev/null 2>&1 || test "$$(id -u)" != 0 || \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(SHELL_PACKAGES) >/dev/null; }

# The browser that tests look at the page with, and what judges its accessibility. As root on Debian it installs both; where they are
# missing, tests of the page in a browser skip themselves.
browsers:
	@command -v chromium >/dev/null || test "$$(id -u)" != 0 || \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core fonts-noto-color-emoji >/dev/null; }
	cd cmd/awf-hook/internal/page/testdata && npm ci --ignore-scripts

# The page's lists over a million rows, in a browser.
page: browsers
	ROWS=1000000 go test -count 1 -v -run TestMillionRows ./cmd/awf-hook/internal/page

# The views of the page, light and dark, as docs show them.
screenshots: browsers
	SCREENSHOTS=$(CURDIR)/docs/page go test -count 1 -run TestScreenshots ./cmd/awf-hook/internal/page

# The whole WebAssembly core test suite, and many mutants of its modules, metered against as they are.
spec:
	AWF_SPEC=all go test -count=1 -v -run 'TestCoreSuite|TestMutants' ./transforms/wasm/meter

# The table of what long events cost transforms, in docs/transforms.md.
costs:
	WRITE_COSTS=1 go test -count=1 -run TestLongErrors ./transforms/wasm

# The engine of scripts, as transforms/wasm/quickjs/README.md names it.
QUICKJS = quickjs-wasi@3.7.0
quickjs:
	@dir=$$(mktemp -d) && npm pack --silent --pack-destination $$dir $(QUICKJS) >/dev/null && tar -xzf $$dir/*.tgz -C $$dir && \
		grep -q "$$(sha256sum $$dir/package/quickjs.wasm | cut -d' ' -f1)" transforms/wasm/quickjs/README.md && \
		cp $$dir/package/quickjs.wasm $$dir/package/LICENSE transforms/wasm/quickjs/ && rm -r $$dir

# Ends in one table, which docs/numbers.md publishes: ratios to a bare net/http client that posts the same bodies in the same run, or to a
# program that is written for the task; to Bento too if BENTO names its binary.
bench:
	@{ go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./cmd/awf-hook ./engine ./engine/internal/store/sqlite; \
		go test -run '^$$' -bench . -timeout 60m $$(go list ./engine/... ./filters/... ./transforms/... | grep -v '/engine$$\|/sqlite$$'); } | awk -f .ci/bench.awk

# 200 rounds of kill -9; ten minutes of kills, full disks, broken files and moved configurations, whose sums are exact; all hostile
# checkouts; each command on each bad configuration; a follow through 50 rotations and as many kills; a million events through each
# isolation of the sandbox; 48 webhooks beside two bad ones, within 10 % of their time without.
soak:
	SOAK=1 go test -timeout 60m -run 'TestCrash|TestServeKilled|TestServeIsNotKept|TestExecToAServer|TestFollowRotationsAndKills|TestHostileCheckouts|TestNoCommandSaysASecret|TestFatesAddUp|TestStoppedProcess' -v ./cmd/awf-hook
	SOAK=1 go test -timeout 60m -run TestEventsLeaveNothing -v ./transforms/wasm
	SOAK=1 go test -timeout 60m -run TestBadReceivers -v ./engine

# The alert rules and the dashboard's queries by Prometheus's own tool, the units by systemd's.
alerts: servers
	$(GOTEST) -count 1 -run 'TestAlerts|TestDashboard|TestUnits' ./cmd/awf-hook

# Three nodes on a PostgreSQL with a synchronous standby: nodes and the primary are killed, and 100,000 events arrive. CLUSTER=small is short.
CLUSTER ?= full
cluster: servers
	CLUSTER=$(CLUSTER) $(GOTEST) -count 1 -timeout 60m -run 'TestCluster|TestNodesShareALane|TestHungNode|TestQueueMoves' -v ./cmd/awf-hook

# Figures of the shared queue for docs/scale.md: throughput and CPU beside SQLite, claims of a million, bloat after SCALE deliveries, an open transaction.
SCALE ?= 2000000
scale: servers
	SCALE=$(SCALE) go test -count 1 -timeout 120m -v -run 'TestThroughput|TestClaimOfAMillion|TestBloat|TestHeldTransaction' ./engine/internal/store/postgres

# Minutes of paused and killed nodes, cut connections and restarts of the server, with the exact sum of fates.
TROUBLE ?= 10m
trouble: servers
	TROUBLE=$(TROUBLE) $(GOTEST) -count 1 -timeout 60m -v -run TestTrouble ./cmd/awf-hook

# Nodes of the commit OLD and of this one change places on one database while events come. OLD is the release before.
upgrade: servers
	dir=$$(mktemp -d) && git worktree add -q --detach $$dir/old $(OLD) && (cd $$dir/old && go build -trimpath -o $$dir/awf-hook ./cmd/awf-hook); \
		git worktree remove --force $$dir/old; OLD=$$dir/awf-hook $(GOTEST) -count 1 -v -run TestUpgrade ./cmd/awf-hook; status=$$?; rm -r $$dir; exit $$status

cover:
	go test -coverpkg=./... -coverprofile=coverage.txt ./...
	go tool cover -func=coverage.txt | tail -1

# What must leave no difference behind: tidy modules and generated files.
check: lint
	go mod tidy -diff
	go generate ./...
	git diff --exit-code
	$(MAKE) test

clean:
	rm -rf awf-hook coverage.txt dist
