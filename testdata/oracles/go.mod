module github.com/awf-project/awf-hook/testdata/oracles

go 1.26

require (
	github.com/standard-webhooks/standard-webhooks/libraries v0.0.1
	github.com/stripe/stripe-go/v84 v84.4.1
)
