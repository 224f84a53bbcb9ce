"""The simulator's model of KEDA and the HPA held against the real ones, case by case."""
