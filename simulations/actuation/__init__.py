"""KEDA and HPA v2 as the real ones compute."""
