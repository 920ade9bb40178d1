"""Attacks: small perturbations that do the most harm, by any measure of harm, within a budget and the pixel range."""
