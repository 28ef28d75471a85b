package config

import "github.com/google/uuid"

// NewNonce makes a nonce that nobody else makes.
func NewNonce() string { return uuid.NewString() }
