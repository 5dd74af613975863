"""Write the question sets anew: `python -m folkmoot.evals.questions`."""

from folkmoot.evals.questions import FOLDER, sets

if __name__ == "__main__":
    for name, content in sets().items():
        (FOLDER / name).write_text(content, "utf-8")
        print(f"{name}: {content.count(chr(10))} questions")
