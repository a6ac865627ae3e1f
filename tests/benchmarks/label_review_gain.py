"""What a review is worth: sms_spam with 5 % of its train labels turned, found and corrected.

Every step is the product's own: read, validate, split, judge the labels, draw the queue, take the
answers (which are the truth), put the overlay on, train. For each seed it prints how many of the
turned labels stand among the first 5 % of the ranked train rows, what the review estimated, and the
test metrics of a model trained on the turned, the reviewed and the true labels.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.ingestion import ingest
from tasks.label_review.answers import Answer, Said, take_answers
from tasks.label_review.error_rate import error_rate_before, error_rate_now, flag_precision
from tasks.label_review.queue import draw_queue
from tasks.label_review.reviews import as_frame
from tasks.labels import check_labels
from tasks.metrics import metric_value
from tasks.models import ModelPackage, load_model
from tasks.project import Roles, load_project
from tasks.project.dataset import Dataset
from tasks.splitting import split_rows
from tasks.training import train
from tasks.validation import validate

DATA = Path(__file__).resolve().parents[2] / "data" / "sms_spam"
SHARE = 0.05
METRICS = ("f1", "average_precision", "accuracy", "log_loss")


def main(seeds):
    project = load_project(DATA / "project.yaml").project
    rows, roles, split = prepare(DATA / "sms_spam.parquet", project)
    truth = roles.labels(rows)
    best = score(rows, split, roles, project)
    gains = []
    for seed in range(seeds):
        turned = turn(truth, split, seed)
        gains.append(one_round(turned, truth, project, best))
    for name in METRICS:
        values = [gain[name] for gain in gains]
        print(
            f"{name} on test, reviewed less turned: mean {np.mean(values):+.4f}, "
            f"from {min(values):+.4f} to {max(values):+.4f} over {seeds} seeds"
        )


def prepare(source, project, relabels=None):
    """The curated rows, the roles and the split of a file."""
    ingested = ingest(source, project)
    roles = Roles.from_facts(ingested.facts["roles"])
    validated = validate(ingested.outputs["snapshot"], roles, project.validation, relabels)
    curated = validated.outputs["curated"]
    split = split_rows(curated, roles, project.split, None, validated.outputs["relabels"])
    return curated, roles, split.outputs["split"]


def turn(truth, split, seed):
    """The labels with 5 % of those of train turned."""
    train_rows = truth.index[split["side"] == "train"]
    count = round(len(train_rows) * SHARE)
    chosen = np.random.default_rng(seed).choice(train_rows, size=count, replace=False)
    turned = truth.copy()
    turned.loc[chosen] = truth.loc[chosen].map({"ham": "spam", "spam": "ham"})
    return turned


def one_round(turned, truth, project, best):
    """Turn, judge, review, correct and train again; returns the gain by metric."""
    wrong = set(turned.index[turned != truth])
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "sms_spam.parquet"
        table = pd.read_parquet(DATA / "sms_spam.parquet")
        first, roles, _ = prepare(DATA / "sms_spam.parquet", project)
        if len(first) != len(table):
            raise SystemExit("rows were set aside: keys cannot be laid on the file")
        table[roles.target] = turned.loc[first.index].to_numpy()
        table.to_parquet(source)
        rows, roles, split = prepare(source, project)
        found = check_labels(Dataset(rows, split, roles), project)
        quality = found.outputs["label_quality"]
        ranking = list(found.tables["review"].frame["row_key"])
        suspects = quality[quality["issue"]].sort_values("quality")
        ranking += [key for key in suspects.index if key not in set(ranking)]
        top = [key for key in ranking if quality.loc[key, "side"] == "train"][: len(wrong)]
        hits = len(wrong & set(top))
        queue = draw_queue(
            quality,
            ranking,
            [],
            count=2 * len(wrong),
            seed=project.seed,
            about={"run_id": "bench", "project": project.name, "rule": ""},
        )
        answers = [Answer(queue=queue.id, key=r.key, answer=truth[r.key]) for r in queue.rows]
        said = Said(reviews=(), relabels=())
        taken = take_answers(answers, queue, said, name="truth", when="", revise=False)
        after, _, split_after = prepare(source, project, taken.relabels)
    if not split_after["side"].equals(split["side"]):
        raise SystemExit("a corrected label moved a row")
    reviews = as_frame(taken.reviews)
    sides = {side: int((split["side"] == side).sum()) for side in ("train", "dev")}
    before, now = score(rows, split, roles, project), score(after, split, roles, project)
    labels = roles.labels(after)
    estimates = error_rate_before(reviews, sides), error_rate_now(reviews, sides, labels)
    flags = flag_precision(reviews)
    there = int(quality["side"].isin(list(sides)).sum())
    left = len(wrong) - len([one for one in taken.relabels if one.key in wrong])
    print(
        f"{len(wrong)} turned; {hits} ({hits / len(wrong):.0%}) in the first 5 % of train; "
        f"{len(queue.rows)} answered, {len(taken.relabels)} corrected, {left} left"
    )
    for when, really, found in zip(
        ("before", "after"), (len(wrong) / there, left / there), estimates, strict=True
    ):
        print(
            f"  wrong labels {when}: {really:.2%}, estimated {found.rate:.2%} "
            f"[{found.low:.2%}, {found.high:.2%}]"
        )
    print(f"  precision of {flags.rows} suspects: {flags.rate:.0%}, {flags.reviewed} reviewed")
    for name in METRICS:
        print(
            f"  {name} on test: {before[name]:.3f} turned, {now[name]:.3f} reviewed, "
            f"{best[name]:.3f} true labels"
        )
    return {name: now[name] - before[name] for name in METRICS}


def score(rows, split, roles, project):
    """Test metrics of the candidate that training finds; test labels are true throughout."""
    from tasks.estimators import predict

    result = train(Dataset(rows, split, roles), project)
    package = ModelPackage.from_files(result.files, "model")
    test = rows[split["side"] == "test"]
    found = predict(load_model(package), test, roles, result.facts["threshold"])
    positive = roles.positive_class
    labels = roles.labels(test)
    return {name: metric_value(name, labels, found, positive_class=positive) for name in METRICS}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
