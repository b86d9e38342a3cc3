"""``python -m abbild`` equals ``abbild``."""

from abbild.cli import main

if __name__ == "__main__":
    main()
